// SPDX-License-Identifier: Apache-2.0
//
// Networks that carry real traffic: taps served by redoubt and by the kernel's vhost-net, and
// passt, in a guest that has one of each.
#include <sys/socket.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include "tests/board/suite/support/debian.h"
#include "tests/board/suite/support/debian_guest.h"
#include "tests/board/suite/support/needs.h"
#include "tests/board/suite/support/private_network.h"
#include "tests/board/suite/support/scratch_folder.h"

namespace redoubt::suite {
namespace {

// One question, one answer: board.test has the address 192.0.2.77.
constexpr const char* kNameServer = R"(
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
print("answering", flush=True)
name = b"\5board\4test\0"
while True:
    query, client = server.recvfrom(512)
    found = query[12:].startswith(name)
    is_address = query[12 + len(name):14 + len(name)] == b"\0\1"
    count = 1 if found and is_address else 0
    answer = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + bytes([192, 0, 2, 77]) if count else b""
    question = query[12:query.index(b"\0", 12) + 5]
    flags = b"\x81\x80" if found else b"\x81\x83"
    server.sendto(query[:2] + flags + bytes([0, 1, 0, count, 0, 0, 0, 0]) + question + answer, client)
)";

// What udhcpc calls with what it was given: an address, and the rest for us to look up.
constexpr const char* kLease =
    "printf '#!/bin/sh\\n[ $1 = bound ] || exit 0\\nip addr add $ip/$mask dev $interface\\n"
    "ip route add default via $router dev $interface\\n"
    "echo router=$router dns=$dns >/run/lease\\n' >/run/bound; chmod +x /run/bound; "
    "ip link set eth2 up && busybox udhcpc -q -n -f -i eth2 -s /run/bound && . /run/lease";

class VirtioNet : public testing::TestWithParam<bool> {
 protected:
  void start_servers();
  void start_guest();
  void expect_success(const std::string& command);
  void expect_traffic(const std::string& peer);
  void expect_answers_after_flood(const std::string& tap, const std::string& guest,
                                  const std::string& host);

  ScratchFolder folder_;
  std::optional<PrivateNetwork> network_;
  std::optional<RedoubtProcess> iperf_;
  std::optional<RedoubtProcess> name_server_;
  std::optional<RedoubtProcess> web_server_;
  std::optional<DebianGuest> guest_;
};

void VirtioNet::start_servers() {
  iperf_.emplace(debian_program({"iperf3", "--server", "--forceflush"}));
  name_server_.emplace(debian_program({"python3", "-c", kNameServer}));
  web_server_.emplace(debian_program(
      {"busybox", "httpd", "-f", "-vv", "-p", "127.0.0.1:80", "-h", folder_.path().string()}));
  ASSERT_TRUE(iperf_->wait_for("Server listening")) << iperf_->output();
  ASSERT_TRUE(name_server_->wait_for("answering")) << name_server_->output();
}

void VirtioNet::start_guest() {
  const std::string resolv_conf = folder_ / "resolv.conf";
  std::ofstream(resolv_conf) << "nameserver 127.0.0.1\n";
  network_->add_uplink();
  network_->add_tap("tap0");
  network_->set_address("tap0", "192.0.2.1");
  guest_.emplace(DebianConfig{
      .is_protected = GetParam(),
      .more_keys = "networks:\n"
                   "  - {name: ours, type: tap, tap: tap0, vhost: \"off\"}\n"
                   "  - {name: kernel, type: tap, tap: tap1, vhost: \"on\"}\n"
                   "  - {name: passt, type: passt}\n",
      .prepare = [resolv_conf] { use_resolv_conf_or_exit(resolv_conf); },
  });
  ASSERT_TRUE(guest_->log_in()) << guest_->process().output();
  network_->set_address("tap1", "198.51.100.1");
  expect_success("ip addr add 192.0.2.2/24 dev eth0 && ip link set eth0 up");
  expect_success("ip addr add 198.51.100.2/24 dev eth1 && ip link set eth1 up");
}

void VirtioNet::expect_success(const std::string& command) {
  const auto reply = guest_->run(command);
  EXPECT_EQ(reply.status, 0) << command << "\n" << reply.output;
}

void VirtioNet::expect_traffic(const std::string& peer) {
  SCOPED_TRACE(peer);
  expect_success("ping -c 2 -i 0.2 -W 10 " + peer);
  expect_success("iperf3 --client " + peer + " --bytes 4M");
  expect_success("iperf3 --client " + peer + " --bytes 4M --reverse");
}

// More than the queue of the tap holds, faster than the guest can take it.
void flood(const std::string& address) {
  const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(9);  // discard
  ASSERT_EQ(::inet_pton(AF_INET, address.c_str(), &to.sin_addr), 1);
  const std::string payload(64, 'x');
  for (int packet = 0; packet < 20000; ++packet) {
    // SAFETY: sendto takes every kind of address through this type, and its size.
    ::sendto(fd.get(), payload.data(), payload.size(), MSG_DONTWAIT,
             reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }
}

void VirtioNet::expect_answers_after_flood(const std::string& tap, const std::string& guest,
                                           const std::string& host) {
  SCOPED_TRACE(tap);
  expect_success("head -c 1048576 /dev/zero | socat -u -b 64 STDIN UDP-SENDTO:" + host + ":9 &");
  const uint64_t before = network_->dropped_on_transmit(tap);
  flood(guest);
  EXPECT_GT(network_->dropped_on_transmit(tap), before) << "the queue was never full";
  expect_success("wait; ping -c 3 -i 0.2 -W 10 " + host);
}

TEST_P(VirtioNet, taps_and_passt_carry_traffic) {
  REDOUBT_NEEDS_KVM(GetParam());
  REDOUBT_NEEDS_DEBIAN();
  network_.emplace();
  folder_.image("download", 4 << 20);
  ASSERT_NO_FATAL_FAILURE(start_servers());
  ASSERT_NO_FATAL_FAILURE(start_guest());

  expect_traffic("192.0.2.1");
  expect_traffic("198.51.100.1");
  expect_answers_after_flood("tap0", "192.0.2.2", "192.0.2.1");
  expect_answers_after_flood("tap1", "198.51.100.2", "198.51.100.1");

  expect_success(kLease);
  expect_traffic("$router");
  const auto name = guest_->run("busybox nslookup -type=a board.test $dns");
  EXPECT_NE(name.output.find("192.0.2.77"), std::string::npos) << name.output;
  const Ended digest = run_debian_program({"sha256sum", folder_ / "download"});
  EXPECT_EQ(guest_->run("busybox wget -q -O - http://$router/download | sha256sum").output,
            digest.output.substr(0, digest.output.find(' ')) + "  -\n");

  EXPECT_EQ(guest_->power_off(), 0) << guest_->process().output();
  EXPECT_EQ(network_->interfaces(), (std::vector<std::string>{"lo", "up0", "tap0"}));
}

INSTANTIATE_TEST_SUITE_P(Protection, VirtioNet, testing::Bool(), [](const auto& parameter) {
  return std::string(parameter.param ? "protected" : "unprotected");
});

}  // namespace
}  // namespace redoubt::suite
