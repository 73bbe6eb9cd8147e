// SPDX-License-Identifier: Apache-2.0
//
// A guest with every kind of device that resets, is killed and is ended: what stays on the host.
// That locks go too is seen at the second start, which takes the same image.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/board/suite/support/debian.h"
#include "tests/board/suite/support/needs.h"
#include "tests/board/suite/support/private_network.h"
#include "tests/board/suite/support/redoubt_process.h"
#include "tests/board/suite/support/remains.h"
#include "tests/board/suite/support/scratch_folder.h"
#include "tests/board/suite/support/suite_dir.h"

namespace redoubt::suite {
namespace {

constexpr const char* kUp = "redoubt-guest: a shell of busybox follows";
const std::vector<std::string> kNoTap = {"lo"};
const std::vector<std::string> kBothTaps = {"lo", "tap0", "tap1"};

std::string guest_file(const std::string& name) {
  return suite_file("../guest/" + name).lexically_normal().string();
}

class VirtioRemains : public testing::TestWithParam<bool> {
 protected:
  void write_config(const std::string& vsock);
  void start() { redoubt_.emplace(Launch{{"run", config_}}); }
  // Before the shell reads, a driver of the last boot would take what is typed.
  void wait_until_up(unsigned times);
  [[nodiscard]] std::set<std::string> names() const;

  ScratchFolder folder_;
  const std::string config_ = folder_ / "guest.yaml";
  std::optional<RedoubtProcess> redoubt_;
};

void VirtioRemains::write_config(const std::string& vsock) {
  std::filesystem::create_directory(folder_.path() / "shared");
  std::filesystem::permissions(folder_.path(), std::filesystem::perms::all);
  std::ofstream yaml(config_);
  yaml
      << "protected: " << (GetParam() ? "true" : "false")
      << "\nrng: true\nboot:\n  kernel: " << guest_file("Image")
      << "\n  initrd: " << guest_file("initramfs.cpio.gz")
      << "\n  cmdline: console=hvc0 quiet redoubt.mode=shell\nconsole: {type: none}\n"
      << "disks:\n  - path: " << folder_.image("disk", 1 << 20)
      << "\nnetworks:\n  - {name: ours, type: tap, tap: tap0, vhost: \"off\"}\n"
      << "  - {name: kernel, type: tap, tap: tap1, vhost: \"on\"}\n  - {name: passt, type: passt}\n"
      << "ports:\n  - {name: console, type: stdio}\n  - {name: agent, tty: false, type: socket, "
      << "path: " << (folder_ / "agent")
      << "}\n  - {name: second, type: pty, path: " << (folder_ / "pty") << "}\nvsock: " << vsock
      << "\nshares:\n  - {tag: shared, path: " << (folder_ / "shared") << "}\n";
}

void VirtioRemains::wait_until_up(unsigned times) {
  ASSERT_TRUE(redoubt_->wait_for(kUp, times)) << redoubt_->output();
  redoubt_->type("\nfor i in 1 2; do echo ready$i; done\n");
  ASSERT_TRUE(redoubt_->wait_for("\nready2", times)) << redoubt_->output();
}

// And links, which the path of a pseudo-terminal is.
std::set<std::string> VirtioRemains::names() const {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    if (entry.is_symlink() || entry.is_socket()) names.insert(entry.path().filename());
  }
  return names;
}

TEST_P(VirtioRemains, a_reset_takes_nothing_more_and_each_end_leaves_nothing) {
  REDOUBT_NEEDS_KVM(GetParam());
  REDOUBT_NEEDS_DEBIAN();
  const PrivateNetwork network;
  const HostMemory unused = host_memory();

  write_config("{type: vhost, cid: 7}");
  start();
  ASSERT_NO_FATAL_FAILURE(wait_until_up(1));
  const Holdings first = holdings_of(redoubt_->pid());
  EXPECT_FALSE(first.programs.empty());
  EXPECT_EQ(network.interfaces(), kBothTaps);
  EXPECT_EQ(names(), (std::set<std::string>{"agent", "pty"}));
  redoubt_->type("reboot -f\n");
  ASSERT_NO_FATAL_FAILURE(wait_until_up(2));
  EXPECT_EQ(holdings_of(redoubt_->pid()), first);
  EXPECT_EQ(network.interfaces(), kBothTaps);

  // The kernel takes everything but names in the file system, and those are in nobody's way.
  std::vector<pid_t> programs = descendants_of(redoubt_->pid());
  redoubt_->signal(SIGKILL);
  EXPECT_EQ(redoubt_->wait_exit(), 128 + SIGKILL) << redoubt_->output();
  EXPECT_EQ(wait_until_gone(programs), std::vector<pid_t>{});
  EXPECT_EQ(wait_for_host_memory(unused), unused);
  EXPECT_EQ(network.interfaces(), kNoTap);
  EXPECT_EQ(names(), (std::set<std::string>{"agent", "pty"}));

  write_config("{type: unix, path: " + (folder_ / "vsock") + "}");
  start();
  ASSERT_NO_FATAL_FAILURE(wait_until_up(1));
  EXPECT_EQ(holdings_of(redoubt_->pid()).programs, first.programs);
  EXPECT_EQ(names(), (std::set<std::string>{"agent", "pty", "vsock"}));
  programs = descendants_of(redoubt_->pid());
  redoubt_->signal(SIGTERM);
  EXPECT_EQ(redoubt_->wait_exit(), 128 + SIGTERM) << redoubt_->output();
  EXPECT_EQ(wait_until_gone(programs), std::vector<pid_t>{});
  EXPECT_EQ(wait_for_host_memory(unused), unused);
  EXPECT_EQ(network.interfaces(), kNoTap);
  EXPECT_EQ(names(), std::set<std::string>{});
}

INSTANTIATE_TEST_SUITE_P(Protection, VirtioRemains, testing::Bool(), [](const auto& parameter) {
  return std::string(parameter.param ? "protected" : "unprotected");
});

}  // namespace
}  // namespace redoubt::suite
