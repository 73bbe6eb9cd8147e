// SPDX-License-Identifier: Apache-2.0
//
// vhost-vsock, judged by the kernel's own tests of AF_VSOCK between guest and host. Between a plain
// KVM guest and its host all of them pass, so all of them have to.
#include <chrono>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/board/suite/support/debian.h"
#include "tests/board/suite/support/debian_guest.h"
#include "tests/board/suite/support/needs.h"
#include "tests/board/suite/support/private_network.h"

namespace redoubt::suite {
namespace {

// All the tests together; they take 15 seconds where nothing else runs.
constexpr std::chrono::seconds kTestsPatience{400};

// "12<tab>SOCK_STREAM test invalid buffer" in a list, "12 - SOCK_STREAM …" in a report.
std::optional<std::string> number_of(const std::string& line, const std::string& separator) {
  const size_t digits = line.find_first_not_of("0123456789");
  if (digits == 0 || digits == std::string::npos) return std::nullopt;
  if (line.compare(digits, separator.size(), separator) != 0) return std::nullopt;
  return line.substr(0, digits);
}

std::set<std::string> kernel_tests() {
  std::set<std::string> tests;
  std::istringstream lines(run_debian_program({"vsock_test", "--list"}).output);
  for (std::string line; std::getline(lines, line);) {
    if (const auto number = number_of(line, "\t")) tests.insert(*number);
  }
  return tests;
}

// A verdict ends the line, or is one of its own when the test had something to say.
std::set<std::string> passed_in(const std::string& report) {
  std::set<std::string> tests;
  std::optional<std::string> running;
  std::istringstream lines(report);
  for (std::string line; std::getline(lines, line);) {
    if (const auto number = number_of(line, " - ")) running = number;
    if (!running || (line != "ok" && !line.ends_with("...ok"))) continue;
    tests.insert(*running);
    running.reset();
  }
  return tests;
}

class VirtioVsock : public testing::TestWithParam<bool> {
 protected:
  void start_guest();
  // The tests that the guest, the client, and the host, the server, both see pass.
  [[nodiscard]] std::set<std::string> run_tests();

  std::optional<PrivateNetwork> network_;
  std::optional<DebianGuest> guest_;
};

void VirtioVsock::start_guest() {
  network_.emplace();
  network_->add_tap("tap0");
  network_->set_address("tap0", "192.0.2.1");
  guest_.emplace(DebianConfig{.is_protected = GetParam(),
                              .more_keys = "vsock: {type: vhost, cid: 7}\n"
                                           "networks:\n"
                                           "  - {name: control, type: tap, tap: tap0}\n"});
  ASSERT_TRUE(guest_->log_in()) << guest_->process().output();
  ASSERT_EQ(guest_->run("ip addr add 192.0.2.2/24 dev eth0 && ip link set eth0 up").status, 0);
}

std::set<std::string> VirtioVsock::run_tests() {
  RedoubtProcess host(
      debian_program({"vsock_test", "--mode=server", "--control-port=1234", "--peer-cid=7"}));
  EXPECT_TRUE(host.wait_for("Control socket listening")) << host.output();
  const auto client = guest_->run(
      "vsock_test --mode=client --control-host=192.0.2.1 --control-port=1234 --peer-cid=2",
      kTestsPatience);
  EXPECT_EQ(client.status, 0) << client.output;
  EXPECT_EQ(host.wait_exit(), 0) << host.output();
  std::set<std::string> both;
  const std::set<std::string> server = passed_in(host.output());
  for (const std::string& test : passed_in(client.output)) {
    if (server.contains(test)) both.insert(test);
  }
  return both;
}

TEST_P(VirtioVsock, kernel_tests_pass_between_guest_and_host) {
  REDOUBT_NEEDS_KVM(GetParam());
  REDOUBT_NEEDS_DEBIAN();
  const std::set<std::string> all = kernel_tests();
  ASSERT_GT(all.size(), 30U);
  ASSERT_NO_FATAL_FAILURE(start_guest());

  EXPECT_EQ(run_tests(), all);

  EXPECT_EQ(guest_->power_off(), 0) << guest_->process().output();
}

INSTANTIATE_TEST_SUITE_P(Protection, VirtioVsock, testing::Bool(), [](const auto& parameter) {
  return std::string(parameter.param ? "protected" : "unprotected");
});

}  // namespace
}  // namespace redoubt::suite
