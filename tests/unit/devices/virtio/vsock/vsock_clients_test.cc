// SPDX-License-Identifier: Apache-2.0
//
// Clients of the host that are late, silent, too many or something else altogether.
#include <chrono>
#include <string>
#include <vector>

#include "tests/unit/devices/virtio/vsock/vsock_fixture.h"

namespace redoubt {
namespace {

constexpr std::chrono::milliseconds kShort{20};

class VsockClientsTest : public VsockTest {};

// Row 55: whoever does not say CONNECT is closed.
TEST_F(VsockClientsTest, client_that_sends_garbage_is_closed) {
  start();
  for (const std::string& line :
       {std::string("GET / HTTP/1.1\r\n"), std::string("CONNECT x\n"), std::string(33, 'C'),
        std::string(100'000, '\xff'), std::string(64, '\0')}) {
    const UniqueFd user = client(line);
    EXPECT_TRUE(host_sees_the_end(user));
  }
  EXPECT_EQ(next(), std::nullopt);
}

TEST_F(VsockClientsTest, connect_line_may_come_in_pieces) {
  start();
  const UniqueFd user = client("");
  for (const char c : std::string("CONNECT 52\n")) {
    ASSERT_TRUE(write_text(user, {&c, 1}));
    run_some(loop);
  }
  EXPECT_EQ(next_op(), Op::Request);
}

TEST_F(VsockClientsTest, client_that_says_nothing_is_closed_after_a_while) {
  start({.patience = kShort});
  const UniqueFd silent = client("");
  const UniqueFd slow = client("CONNECT 5");
  EXPECT_TRUE(host_sees_the_end(silent));
  EXPECT_TRUE(host_sees_the_end(slow));
}

TEST_F(VsockClientsTest, client_that_the_guest_does_not_answer_is_closed_after_a_while) {
  start({.patience = kShort});
  const UniqueFd user = client("CONNECT 52\n");
  ASSERT_EQ(next_op(), Op::Request);
  EXPECT_TRUE(host_sees_the_end(user));
  EXPECT_EQ(next_op(), Op::Rst);
}

TEST_F(VsockClientsTest, guest_that_does_not_confirm_the_end_is_reset_after_a_while) {
  start({.patience = kShort});
  { const UniqueFd end = established(); }
  ASSERT_EQ(next_op(), Op::Shutdown);
  EXPECT_TRUE(run_until(loop, [&] {
    collect();
    return !incoming.empty();
  }));
  EXPECT_EQ(next_op(), Op::Rst);
}

TEST_F(VsockClientsTest, undecided_clients_are_limited_and_the_others_get_their_turn) {
  start({.patience = std::chrono::milliseconds(100)});
  const size_t before = open_descriptors();
  std::vector<UniqueFd> silent;
  for (size_t i = 0; i < VsockListener::kMaxClients + 20; ++i) {
    silent.push_back(client(""));
    run_some(loop);
  }
  EXPECT_LE(open_descriptors(), before + silent.size() + VsockListener::kMaxClients);
  const UniqueFd honest = client("CONNECT 52\n");
  EXPECT_TRUE(run_until(loop, [&] {
    collect();
    return !incoming.empty();
  }));
  EXPECT_EQ(next_op(), Op::Request);
}

TEST_F(VsockClientsTest, clients_beyond_the_limit_are_closed) {
  start({.connections = 10});
  std::vector<UniqueFd> users;
  for (int i = 0; i < 10; ++i) {
    users.push_back(client("CONNECT 52\n"));
    ASSERT_EQ(next_op(), Op::Request);
  }
  const UniqueFd one_more = client("CONNECT 52\n");
  EXPECT_TRUE(host_sees_the_end(one_more));
  users.clear();
  EXPECT_EQ(next_op(), Op::Rst);
}

}  // namespace
}  // namespace redoubt
