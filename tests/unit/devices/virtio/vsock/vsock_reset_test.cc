// SPDX-License-Identifier: Apache-2.0
//
// Resets of the device in the middle of everything, and its end.
#include <optional>

#include "tests/unit/devices/virtio/vsock/vsock_fixture.h"

namespace redoubt {
namespace {

class VsockResetTest : public VsockTest {};

TEST_F(VsockResetTest, reset_in_the_middle_ends_every_connection) {
  start();
  const size_t before = open_descriptors();
  server.emplace(path, kHostPort);
  UniqueFd end = established();
  UniqueFd user = client("CONNECT 52\n");
  ASSERT_EQ(next_op(), Op::Request);
  UniqueFd undecided = client("CONN");
  run_some(loop);
  ASSERT_TRUE(write_text(end, "lost"));

  transport->reset();
  buffers->forget();

  for (const UniqueFd* fd : {&end, &user, &undecided}) EXPECT_TRUE(host_sees_the_end(*fd));
  for (UniqueFd* fd : {&end, &user, &undecided}) fd->reset();
  server.reset();
  run_some(loop);
  EXPECT_EQ(open_descriptors(), before);
  transport->start();
  give_buffers(64);
  EXPECT_EQ(next(), std::nullopt);
  const UniqueFd fresh = established();
  expect_alive(fresh);
}

TEST_F(VsockResetTest, new_start_before_the_loop_has_seen_the_reset_forgets_the_old_guest) {
  start();
  const UniqueFd old = established();
  restart_without_buffers();
  give_buffers(64);
  ASSERT_TRUE(write("of another life"));
  EXPECT_EQ(next_op(), Op::Rst);
  EXPECT_EQ(read_available(old), "");
  const UniqueFd fresh = established();
  run_some(loop);
  expect_alive(fresh);
}

TEST_F(VsockResetTest, storm_of_resets_leaves_no_descriptor_behind) {
  start();
  server.emplace(path, kHostPort);
  run_some(loop);
  const size_t before = open_descriptors();
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(send(Op::Request));
    (void)server->accept();
    transport->reset();
    buffers->forget();
    if (i % 2 == 0) run_some(loop);
    transport->start();
    give_buffers(64);
  }
  run_some(loop);
  transport->reset();
  run_some(loop);
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(VsockResetTest, device_that_ends_closes_everything) {
  const size_t before = open_descriptors();
  start();
  {
    const UniqueFd end = established();
    const UniqueFd user = client("CONNECT 52\n");
    run_some(loop);
    transport.reset();
    device.reset();
    EXPECT_TRUE(at_end(end));
    EXPECT_TRUE(at_end(user));
  }
  driver.reset();
  server.reset();
  EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace redoubt
