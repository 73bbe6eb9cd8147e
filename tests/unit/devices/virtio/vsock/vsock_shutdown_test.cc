// SPDX-License-Identifier: Apache-2.0
//
// How a connection ends, from either side and half by half.
#include <string>

#include "tests/unit/devices/virtio/vsock/vsock_fixture.h"

namespace redoubt {
namespace {

using virtio_vsock::kShutdownBoth;
using virtio_vsock::kShutdownReceive;
using virtio_vsock::kShutdownSend;

class VsockShutdownTest : public VsockTest {
 protected:
  // All of the credit, in packets so small that they take more room there than they are long.
  std::string send_more_than_the_socket_takes() {
    std::string sent;
    for (uint32_t i = 0; i < ReceiveCredit::kBufAlloc / 1000; ++i) {
      const std::string piece(1000, static_cast<char>('a' + i % 26));
      EXPECT_TRUE(write(piece));
      sent += piece;
    }
    return sent;
  }
};

TEST_F(VsockShutdownTest, guest_that_closes_is_answered_and_the_host_sees_the_end) {
  start();
  const UniqueFd end = established();
  ASSERT_TRUE(write("bye"));
  ASSERT_TRUE(shut_down(kShutdownBoth));
  EXPECT_EQ(next_op(), Op::Rst);
  EXPECT_TRUE(host_reads(end, "bye"));
  EXPECT_TRUE(host_sees_the_end(end));
}

TEST_F(VsockShutdownTest, host_that_closes_ends_both_directions_after_its_last_bytes) {
  start();
  UniqueFd end = established();
  ASSERT_TRUE(write_text(end, "bye"));
  end.reset();
  EXPECT_EQ(read(3), "bye");
  const auto shutdown = next();
  ASSERT_TRUE(shutdown);
  EXPECT_EQ(shutdown->op(), Op::Shutdown);
  EXPECT_EQ(shutdown->flags(), kShutdownBoth);
  ASSERT_TRUE(send(Op::Rst));
  EXPECT_EQ(next(), std::nullopt);
}

TEST_F(VsockShutdownTest, guest_that_ends_its_side_still_receives) {
  start();
  const UniqueFd end = established();
  ASSERT_TRUE(shut_down(kShutdownSend));
  ASSERT_TRUE(host_sees_the_end(end));
  ASSERT_TRUE(write_text(end, "answer"));
  EXPECT_EQ(read(6), "answer");
  EXPECT_EQ(next(), std::nullopt);
}

TEST_F(VsockShutdownTest, host_that_ends_its_side_still_receives) {
  start();
  const UniqueFd end = established();
  ASSERT_EQ(::shutdown(end.get(), SHUT_WR), 0);
  const auto shutdown = next();
  ASSERT_TRUE(shutdown);
  EXPECT_EQ(shutdown->op(), Op::Shutdown);
  EXPECT_EQ(shutdown->flags(), kShutdownSend);
  ASSERT_TRUE(write("answer"));
  EXPECT_TRUE(host_reads(end, "answer"));
}

TEST_F(VsockShutdownTest, host_that_ends_its_side_and_then_leaves_is_told_of_twice) {
  start();
  UniqueFd end = established();
  ASSERT_EQ(::shutdown(end.get(), SHUT_WR), 0);
  EXPECT_EQ(next_op(), Op::Shutdown);
  end.reset();
  const auto shutdown = next();
  ASSERT_TRUE(shutdown);
  EXPECT_EQ(shutdown->flags(), kShutdownBoth);
}

TEST_F(VsockShutdownTest, guest_that_reads_no_more_breaks_the_pipe_of_the_host) {
  start();
  const UniqueFd end = established();
  ASSERT_TRUE(shut_down(kShutdownReceive));
  EXPECT_FALSE(write_text(end, "x"));
  EXPECT_EQ(errno, EPIPE);
  ASSERT_TRUE(write("still sending"));
  EXPECT_TRUE(host_reads(end, "still sending"));
}

TEST_F(VsockShutdownTest, host_that_reads_no_more_is_told_to_the_guest) {
  start();
  const UniqueFd end = established();
  ASSERT_EQ(::shutdown(end.get(), SHUT_RD), 0);
  ASSERT_TRUE(write("into nothing"));
  const auto shutdown = next();
  ASSERT_TRUE(shutdown);
  EXPECT_EQ(shutdown->op(), Op::Shutdown);
  EXPECT_EQ(shutdown->flags() & kShutdownReceive, kShutdownReceive);
}

TEST_F(VsockShutdownTest, what_the_guest_sent_reaches_a_slow_host_after_the_end) {
  start();
  const UniqueFd end = established();
  const std::string sent = send_more_than_the_socket_takes();
  ASSERT_TRUE(shut_down(kShutdownBoth));
  EXPECT_EQ(next_op_but_credit(), Op::Rst);
  EXPECT_TRUE(host_reads(end, sent));
  EXPECT_TRUE(host_sees_the_end(end));
}

TEST_F(VsockShutdownTest, address_can_be_used_again_while_the_old_connection_drains) {
  start();
  const UniqueFd old = established();
  const std::string sent = send_more_than_the_socket_takes();
  ASSERT_TRUE(shut_down(kShutdownBoth));
  ASSERT_EQ(next_op_but_credit(), Op::Rst);
  const UniqueFd fresh = established();
  ASSERT_TRUE(write("fresh"));
  EXPECT_TRUE(host_reads(fresh, "fresh"));
  EXPECT_TRUE(host_reads(old, sent));
}

}  // namespace
}  // namespace redoubt
