// SPDX-License-Identifier: Apache-2.0
//
// Several devices of each kind in one guest, each found by the name that the configuration gives
// it, and what goes through those that end in files and sockets of the host: the ports of its
// console, and the ports of its vsock on hosts with or without vhost-vsock.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "tests/board/suite/support/debian.h"
#include "tests/board/suite/support/debian_guest.h"
#include "tests/board/suite/support/host_end.h"
#include "tests/board/suite/support/needs.h"
#include "tests/board/suite/support/private_network.h"
#include "tests/board/suite/support/scratch_folder.h"
#include "tests/board/suite/support/suite_dir.h"
#include "tests/sizes.h"

namespace redoubt::suite {
namespace {

std::string content_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class VirtioSeveral : public testing::TestWithParam<bool> {
 protected:
  DebianConfig eight_disks_four_networks_four_ports();
  void find_disks(DebianGuest& guest);
  void find_networks(DebianGuest& guest);
  void find_ports(DebianGuest& guest);
  void use_file_port(DebianGuest& guest);
  void use_socket_port(DebianGuest& guest);
  void use_terminal_port(DebianGuest& guest);
  void resize_console(DebianGuest& guest);
  void use_entropy(DebianGuest& guest);
  void call_guest_by_vsock(DebianGuest& guest);
  void call_host_by_vsock(DebianGuest& guest);
  void call_nobody_by_vsock(DebianGuest& guest);
  std::string digest_of(const std::string& text);

  ScratchFolder folder_;
};

DebianConfig VirtioSeveral::eight_disks_four_networks_four_ports() {
  DebianConfig config{.is_protected = GetParam(), .input = Input::Terminal};
  for (unsigned n = 1; n < 8; ++n) {
    const std::string name = "disk" + std::to_string(n);
    config.more_disks +=
        "  - {path: " + folder_.image(name, n * kMiB) + ", serial: " + name + "}\n";
  }
  config.more_keys =
      "rng: true\nvsock: {type: unix, path: " + (folder_ / "vsock") + "}\nnetworks:\n";
  for (unsigned n = 0; n < 4; ++n) {
    const std::string number = std::to_string(n);
    config.more_keys += "  - {name: net" + number + ", type: tap, tap: tap" + number +
                        ", mac: \"02:00:00:00:00:0" + number + "\"}\n";
  }
  config.more_ports = "  - {name: second, type: pty, path: " + (folder_ / "pty") + "}\n" +
                      "  - {name: log, tty: false, type: file, path: " + (folder_ / "log") + "}\n" +
                      "  - {name: agent, tty: false, type: socket, path: " + (folder_ / "agent") +
                      "}\n";
  return config;
}

void VirtioSeveral::find_disks(DebianGuest& guest) {
  std::string expected;
  for (unsigned n = 1; n < 8; ++n) {
    expected += "disk" + std::to_string(n) + ' ' + std::to_string(n * kMiB / 512) + '\n';
  }
  EXPECT_EQ(guest
                .run("for disk in /sys/block/vd[b-z]; do"
                     " echo $(cat $disk/serial) $(cat $disk/size); done")
                .output,
            expected);
}

void VirtioSeveral::find_networks(DebianGuest& guest) {
  EXPECT_EQ(guest.run("cat /sys/class/net/eth*/address").output,
            "02:00:00:00:00:00\n02:00:00:00:00:01\n02:00:00:00:00:02\n02:00:00:00:00:03\n");
}

void VirtioSeveral::find_ports(DebianGuest& guest) {
  EXPECT_EQ(guest.run("cat /sys/class/virtio-ports/*/name").output,
            "console\nsecond\nlog\nagent\n");
  // Without udev nobody makes /dev/virtio-ports.
  EXPECT_EQ(guest
                .run("port() { for port in /sys/class/virtio-ports/*; do"
                     " [ $(cat $port/name) != $1 ] || echo /dev/${port##*/}; done; }")
                .status,
            0);
}

void VirtioSeveral::use_file_port(DebianGuest& guest) {
  EXPECT_EQ(guest.run("echo to the file >$(port log)").status, 0);
  for (int i = 0; i < 200 && content_of(folder_ / "log").empty(); ++i) {
    guest.process().read_for(std::chrono::milliseconds(50));
  }
  EXPECT_EQ(content_of(folder_ / "log"), "to the file\n");
}

// Half a conversation in the guest, on descriptor 3; the other half is here.
constexpr const char* kAnswer = "(read line; echo \"got $line\") <&3 >&3 &";

void VirtioSeveral::use_socket_port(DebianGuest& guest) {
  HostEnd agent = HostEnd::connect(folder_ / "agent");
  EXPECT_EQ(guest.run("exec 3<>$(port agent)").status, 0);
  EXPECT_EQ(guest.run(kAnswer).status, 0);
  agent.write("a request\n");
  EXPECT_EQ(agent.read_line(), "got a request");
}

void VirtioSeveral::use_terminal_port(DebianGuest& guest) {
  HostEnd terminal = HostEnd::open_terminal(folder_ / "pty");
  // Open from here on: the last to close a terminal sets it back.
  EXPECT_EQ(guest.run("exec 3<>/dev/hvc1; stty -echo -onlcr <&3").status, 0);
  EXPECT_EQ(guest.run(kAnswer).status, 0);
  terminal.write("a line\n");
  EXPECT_EQ(terminal.read_line(), "got a line");
}

void VirtioSeveral::resize_console(DebianGuest& guest) {
  const std::string terminal =
      std::filesystem::read_symlink("/proc/" + std::to_string(guest.process().pid()) + "/fd/0");
  const UniqueFd fd(::open(terminal.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  const winsize size{.ws_row = 33, .ws_col = 101, .ws_xpixel = 0, .ws_ypixel = 0};
  ASSERT_EQ(::ioctl(fd.get(), TIOCSWINSZ, &size), 0) << terminal;
  EXPECT_EQ(guest.run("until [ \"$(stty size </dev/hvc0)\" = '33 101' ]; do :; done").status, 0);
}

void VirtioSeveral::use_entropy(DebianGuest& guest) {
  EXPECT_EQ(guest.run("cat /sys/class/misc/hw_random/rng_current").output, "virtio_rng.0\n");
  const auto first = guest.run("head -c 256 /dev/hwrng | od -An -tx1");
  const auto second = guest.run("head -c 256 /dev/hwrng | od -An -tx1");
  EXPECT_EQ(first.output.size(), 256 * 3 + 16) << first.output;
  EXPECT_NE(first.output, second.output);
  EXPECT_EQ(first.output.find("00 00 00 00 00 00 00 00"), std::string::npos) << first.output;
}

// 1 MiB, more than any buffer on the way, in which no two lines are the same.
std::string numbered_lines() {
  std::string text;
  for (unsigned n = 0; text.size() < kMiB; ++n) text += "line " + std::to_string(n) + '\n';
  return text;
}

std::string VirtioSeveral::digest_of(const std::string& text) {
  const std::string file = folder_ / "text";
  std::ofstream(file) << text;
  return run_debian_program({"sha256sum", file}).output.substr(0, 64);
}

// The host asks, the guest answers with the digest of what it has got, on the same connection.
void VirtioSeveral::call_guest_by_vsock(DebianGuest& guest) {
  ASSERT_EQ(
      guest
          .run("socat -t 60 VSOCK-LISTEN:52,fork SYSTEM:'cat >/tmp/text; sha256sum </tmp/text' &"
               " until ss -Hl --vsock | grep -q :52; do :; done")
          .status,
      0);
  const std::string text = numbered_lines();
  HostEnd client = HostEnd::connect(folder_ / "vsock");
  client.write("CONNECT 52\n");
  EXPECT_EQ(client.read_line().substr(0, 3), "OK ");
  client.write(text);
  client.end_writing();
  EXPECT_EQ(client.read_to_end(), digest_of(text) + "  -\n");
}

void VirtioSeveral::call_host_by_vsock(DebianGuest& guest) {
  const HostServer server(folder_ / "vsock_1234");
  ASSERT_EQ(guest.run("socat -u OPEN:/tmp/text VSOCK-CONNECT:2:1234 &").status, 0);
  HostEnd caller = server.accept();
  EXPECT_EQ(digest_of(caller.read_to_end()), digest_of(numbered_lines()));
}

void VirtioSeveral::call_nobody_by_vsock(DebianGuest& guest) {
  EXPECT_NE(guest.run("socat -u OPEN:/tmp/text VSOCK-CONNECT:2:1235").status, 0);
  HostEnd nobody = HostEnd::connect(folder_ / "vsock");
  nobody.write("CONNECT 53\n");
  EXPECT_EQ(nobody.read_to_end(), "");
}

TEST_P(VirtioSeveral, devices_are_found_by_name_and_carry_data) {
  REDOUBT_NEEDS_KVM(GetParam());
  REDOUBT_NEEDS_DEBIAN();
  const PrivateNetwork network;
  DebianGuest guest(eight_disks_four_networks_four_ports());
  ASSERT_TRUE(guest.log_in()) << guest.process().output();

  find_disks(guest);
  find_networks(guest);
  find_ports(guest);
  use_file_port(guest);
  use_socket_port(guest);
  use_terminal_port(guest);
  resize_console(guest);
  use_entropy(guest);
  ASSERT_NO_FATAL_FAILURE(call_guest_by_vsock(guest));
  ASSERT_NO_FATAL_FAILURE(call_host_by_vsock(guest));
  call_nobody_by_vsock(guest);

  EXPECT_EQ(guest.power_off(), 0) << guest.process().output();
}

INSTANTIATE_TEST_SUITE_P(Protection, VirtioSeveral, testing::Bool(), [](const auto& parameter) {
  return std::string(parameter.param ? "protected" : "unprotected");
});

TEST(VirtioDeviceCount, check_refuses_the_33rd_with_its_place) {
  const ScratchFolder folder;
  const std::string config = folder / "many.yaml";
  std::ofstream text(config);
  text << "boot:\n  kernel: " << suite_file("../guest/Image").string() << "\ndisks:\n";
  for (int disk = 0; disk < 32; ++disk) {
    text << "  - path: " << folder.image("disk" + std::to_string(disk), kMiB) << '\n';
  }
  text << std::flush;
  RedoubtProcess full({{"check", config}});
  EXPECT_EQ(full.wait_exit(), 0) << full.output();

  text << "rng: true\n" << std::flush;

  RedoubtProcess redoubt({{"check", config}});
  EXPECT_EQ(redoubt.wait_exit(), 3) << redoubt.output();
  EXPECT_TRUE(redoubt.says("many.yaml:36:6: error: rng: one virtio device too many"))
      << redoubt.output();
}

}  // namespace
}  // namespace redoubt::suite
