// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/vsock/host_backlog.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/unit/devices/console/support.h"

namespace redoubt {
namespace {

class HostBacklogTest : public ::testing::Test {
 protected:
  IgnoreSigpipe ignore_sigpipe;
  Ends ends = make_socketpair();
  size_t total = 0;
  HostBacklog backlog{total};
};

TEST_F(HostBacklogTest, socket_with_room_takes_everything) {
  EXPECT_EQ(backlog.send(ends.near, bytes_of("hello")), 5u);
  EXPECT_EQ(backlog.size(), 0u);
  EXPECT_EQ(read_available(ends.far), "hello");
}

TEST_F(HostBacklogTest, what_a_full_socket_does_not_take_is_kept_in_order) {
  const size_t filling = fill(ends.near);
  EXPECT_EQ(backlog.send(ends.near, bytes_of("one ")), 0u);
  EXPECT_EQ(backlog.send(ends.near, bytes_of("two")), 0u);
  EXPECT_EQ(backlog.size(), 7u);
  EXPECT_EQ(total, 7u);

  EXPECT_EQ(read_available(ends.far).size(), filling);
  EXPECT_EQ(backlog.send(ends.near, bytes_of(" three")), 13u);
  EXPECT_EQ(read_available(ends.far), "one two three");
  EXPECT_EQ(total, 0u);
}

TEST_F(HostBacklogTest, nothing_overtakes_what_is_kept) {
  std::string sent;
  std::string received;
  for (int i = 0; i < 2000; ++i) {
    const std::string piece(997, static_cast<char>('a' + i % 26));
    sent += piece;
    ASSERT_TRUE(backlog.send(ends.near, bytes_of(piece)));
    if (i % 300 == 0) received += read_available(ends.far);
  }
  while (backlog.size() > 0) {
    received += read_available(ends.far);
    ASSERT_TRUE(backlog.flush(ends.near));
  }
  received += read_available(ends.far);
  EXPECT_EQ(received, sent);
}

TEST_F(HostBacklogTest, reader_that_has_gone_is_an_error_and_nothing_is_kept) {
  (void)fill(ends.near);
  ASSERT_TRUE(backlog.send(ends.near, bytes_of("kept")));
  ends.far.reset();
  EXPECT_FALSE(backlog.send(ends.near, bytes_of("more")));
  EXPECT_EQ(backlog.size(), 0u);
  EXPECT_EQ(total, 0u);
}

TEST_F(HostBacklogTest, end_gives_back_what_it_held) {
  (void)fill(ends.near);
  {
    HostBacklog other(total);
    ASSERT_TRUE(other.send(ends.near, bytes_of("kept")));
    EXPECT_EQ(total, 4u);
  }
  EXPECT_EQ(total, 0u);
}

}  // namespace
}  // namespace redoubt
