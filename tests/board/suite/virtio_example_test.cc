// SPDX-License-Identifier: Apache-2.0
//
// configs/virtio.yaml as it stands: a protected guest that finds one of each device, and a host
// that finds nothing of it afterwards.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/board/suite/support/debian.h"
#include "tests/board/suite/support/example.h"
#include "tests/board/suite/support/host_end.h"
#include "tests/board/suite/support/needs.h"
#include "tests/board/suite/support/redoubt_process.h"
#include "tests/board/suite/support/remains.h"
#include "tests/board/suite/support/scratch_folder.h"

namespace redoubt::suite {
namespace {

namespace fs = std::filesystem;

std::string line_of(const std::string& file, const std::string& word) {
  std::ifstream text(file);
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with(word)) return line;
  }
  return {};
}

void expect_every_device_used(RedoubtProcess& guest, const ScratchFolder& folder) {
  // Its disk, by its serial number.
  guest.type("cat /sys/block/vda/serial; head -c 512 /dev/zero >/dev/vda; sync\n");
  EXPECT_TRUE(guest.wait_for("scratch")) << guest.output();
  // Its network, which gets its address from passt.
  guest.type("ip link set eth0 up; udhcpc -q -n -f -i eth0 -s /bin/true 2>&1\n");
  EXPECT_TRUE(guest.wait_for("lease of ")) << guest.output();
  // Its port, by its name.
  HostEnd agent = HostEnd::connect(example_guest_file(folder, "agent.sock"));
  guest.type(
      "for p in /sys/class/virtio-ports/*; do [ $(cat $p/name) = agent ] &&"
      " echo hello >/dev/${p##*/}; done\n");
  EXPECT_EQ(agent.read_line(), "hello");
  // Its folder, read-only.
  guest.type("mount -t virtiofs configs /mnt; grep ^name: /mnt/virtio.yaml; touch /mnt/new\n");
  EXPECT_TRUE(guest.wait_for(line_of(example_config(folder, "virtio.yaml"), "name:")))
      << guest.output();
  EXPECT_TRUE(guest.wait_for("Read-only file system")) << guest.output();
  // And those that need programs to be used have a driver.
  guest.type(
      "ls -d /sys/bus/virtio/drivers/*/virtio* | sed 's|.*drivers/||; s|/.*||' | sort |"
      " tr '\\n' ' '; echo\n");
  EXPECT_TRUE(
      guest.wait_for("virtio_blk virtio_console virtio_net virtio_rng virtiofs"
                     " vmw_vsock_virtio_transport"))
      << guest.output();
}

TEST(VirtioExample, guest_uses_every_device_and_leaves_nothing) {
  REDOUBT_NEEDS_KVM(true);
  REDOUBT_NEEDS_DEBIAN();
  const ScratchFolder folder;
  place_examples(folder);
  folder.image("build/guest/disk.img", 1 << 30);
  RedoubtProcess guest({{"run", example_config(folder, "virtio.yaml"),
                         "--set=boot.cmdline=console=hvc0 quiet redoubt.mode=shell"}});
  ASSERT_TRUE(guest.wait_for("a shell of busybox follows")) << guest.output();
  EXPECT_TRUE(fs::is_socket(example_guest_file(folder, "vsock.sock")));
  const std::vector<pid_t> programs = descendants_of(guest.pid());

  expect_every_device_used(guest, folder);

  guest.type("poweroff -f\n");
  EXPECT_EQ(guest.wait_exit(), 0) << guest.output();
  EXPECT_EQ(wait_until_gone(programs), std::vector<pid_t>{});
  EXPECT_FALSE(fs::exists(example_guest_file(folder, "agent.sock")));
  EXPECT_FALSE(fs::exists(example_guest_file(folder, "vsock.sock")));
}

}  // namespace
}  // namespace redoubt::suite
