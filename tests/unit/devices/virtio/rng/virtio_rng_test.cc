// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/rng/virtio_rng.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <set>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/devices/run_until.h"
#include "tests/unit/devices/virtio/fake_driver.h"
#include "tests/unit/devices/virtio/fake_transport.h"
#include "vmm/base/event_loop.h"

namespace redoubt {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class VirtioRngTest : public ::testing::Test {
 protected:
  VirtioRngTest() { transport.start(); }

  EventLoop loop;
  FakeDriver driver;
  std::chrono::nanoseconds now = std::chrono::hours(1);
  VirtioRng rng{loop, [this] { return now; }};
  FakeTransport transport{driver, rng};
};

TEST_F(VirtioRngTest, buffer_is_filled_with_random_bytes) {
  const FakeRequest request = driver.chain().writable(4096).submit(0);
  transport.notify(0);
  EXPECT_THAT(driver.used(0), ElementsAre(Used{request.head, 4096}));
  const std::vector<std::byte> bytes = driver.written(request);
  // All 256 values but for a handful: 4096 random bytes miss one with probability 10^-7 each.
  EXPECT_GE(std::set<std::byte>(bytes.begin(), bytes.end()).size(), 250u);
  EXPECT_TRUE(transport.take_interrupt());
}

TEST_F(VirtioRngTest, no_two_requests_get_the_same_bytes) {
  const FakeRequest first = driver.chain().writable(32).submit(0);
  const FakeRequest second = driver.chain().writable(16).writable(16).submit(0);
  transport.notify(0);
  EXPECT_THAT(driver.used(0), SizeIs(2));
  EXPECT_NE(driver.written(first), driver.written(second));
}

TEST_F(VirtioRngTest, request_gets_64_kib_at_most_and_the_rest_is_left_alone) {
  const FakeRequest request = driver.chain().writable(VirtioRng::kMostBytes + 4096).submit(0);
  transport.notify(0);
  EXPECT_THAT(driver.used(0), ElementsAre(Used{request.head, VirtioRng::kMostBytes}));
  const std::vector<std::byte> bytes = driver.written(request);
  EXPECT_THAT(std::vector(bytes.end() - 4096, bytes.end()), Each(std::byte{0xa5}));
}

TEST_F(VirtioRngTest, chain_without_writable_part_is_returned_empty) {
  const FakeRequest request = driver.chain().readable("feed me").submit(0);
  transport.notify(0);
  EXPECT_THAT(driver.used(0), ElementsAre(Used{request.head, 0}));
  EXPECT_EQ(transport.failure(), "");
}

TEST_F(VirtioRngTest, greedy_guest_waits_until_the_rate_allows_it) {
  driver.chain().writable(VirtioRng::kMostBytes).submit(0);
  const FakeRequest second = driver.chain().writable(1024).submit(0);
  transport.notify(0);
  EXPECT_THAT(driver.used(0), SizeIs(1));

  now += std::chrono::microseconds(900);  // 1024 bytes take a millisecond, less a 49th
  transport.notify(0);
  EXPECT_THAT(driver.used(0), IsEmpty());

  now += std::chrono::microseconds(100);
  std::vector<Used> used;
  // Without a notification: the device has set itself a timer.
  ASSERT_TRUE(run_until(loop, [&] {
    for (const Used& entry : driver.used(0)) used.push_back(entry);
    return !used.empty();
  }));
  EXPECT_THAT(used, ElementsAre(Used{second.head, 1024}));
}

TEST_F(VirtioRngTest, flood_gets_no_more_than_the_rate) {
  const GuestRange buffer = driver.allocate(VirtioRng::kMostBytes);
  uint64_t given = 0;
  for (int millisecond = 0; millisecond < 1000; ++millisecond) {
    now += std::chrono::milliseconds(1);
    while (driver.available_index(0) - driver.used_index(0) < 32) {
      driver.chain().writable_at(buffer.start(), 5000).submit(0);
    }
    transport.notify(0);
    for (const Used& entry : driver.used(0)) given += entry.length;
  }
  EXPECT_LE(given, VirtioRng::kBytesPerSecond * 101 / 100 + VirtioRng::kMostBytes);
  EXPECT_GE(given, VirtioRng::kBytesPerSecond * 99 / 100);
}

TEST_F(VirtioRngTest, reset_does_not_refill_what_may_be_given) {
  driver.chain().writable(VirtioRng::kMostBytes).submit(0);
  transport.notify(0);
  transport.reset();
  transport.start();
  driver.chain().writable(VirtioRng::kMostBytes).submit(0);
  transport.notify(0);
  EXPECT_THAT(driver.used(0), IsEmpty());
}

TEST_F(VirtioRngTest, reset_while_a_request_waits_forgets_it) {
  driver.chain().writable(VirtioRng::kMostBytes).submit(0);
  driver.chain().writable(1024).submit(0);
  transport.notify(0);
  transport.reset();
  EXPECT_EQ(driver.memory().held(), 0u);
  now += std::chrono::seconds(1);
  run_some(loop);
  EXPECT_EQ(driver.used_index(0), 0);
  transport.start();
  driver.chain().writable(16).submit(0);
  transport.notify(0);
  EXPECT_THAT(driver.used(0), SizeIs(1));
}

TEST_F(VirtioRngTest, short_buffers_are_filled_to_their_last_byte) {
  for (const uint32_t size : {1u, 2u, 3u, 255u, 256u, 257u, 4095u, 4097u}) {
    driver.chain().writable(size).submit(0);
    transport.notify(0);
    const std::vector<Used> used = driver.used(0);
    ASSERT_THAT(used, SizeIs(1));
    EXPECT_EQ(used[0].length, size);
  }
}

TEST_F(VirtioRngTest, buffer_outside_the_window_fails_the_device) {
  driver.chain().writable_at(driver.outside(), 64).submit(0);
  transport.notify(0);
  EXPECT_EQ(transport.failure(), describe(QueueError::OutOfRange));
}

TEST_F(VirtioRngTest, buffer_that_was_taken_back_fails_the_device) {
  const FakeRequest request = driver.chain().writable(64).submit(0);
  const RevokedPages gone = driver.revoke(request.writable[0]);
  transport.notify(0);
  EXPECT_EQ(transport.failure(), describe(QueueError::Inaccessible));
  EXPECT_EQ(driver.memory().held(), 0u);
}

TEST_F(VirtioRngTest, looping_chain_fails_the_device) {
  driver.set_descriptor(0, 0, {driver.allocate(64).start().value(), 64, kDescWrite | kDescNext, 0});
  driver.make_available(0, 0);
  transport.notify(0);
  EXPECT_EQ(transport.failure(), describe(QueueError::ChainTooLong));
}

TEST_F(VirtioRngTest, works_again_after_a_failure_and_a_reset) {
  driver.chain().writable_at(driver.outside(), 64).submit(0);
  transport.notify(0);
  transport.reset();
  transport.start();
  driver.chain().writable(64).submit(0);
  transport.notify(0);
  EXPECT_THAT(driver.used(0), SizeIs(1));
}

}  // namespace
}  // namespace redoubt
