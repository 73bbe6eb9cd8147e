// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/rng/token_bucket.h"

#include <chrono>
#include <cstdint>

#include <gtest/gtest.h>

namespace redoubt {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr nanoseconds kNothing = nanoseconds::zero();

TEST(TokenBucket, is_full_at_first_whatever_the_time) {
  TokenBucket early(100, 10);
  TokenBucket late(100, 10);
  EXPECT_EQ(early.take(100, kNothing), kNothing);
  EXPECT_EQ(late.take(100, seconds(1'000'000'000)), kNothing);
  EXPECT_GT(late.take(1, seconds(1'000'000'000)), kNothing);
}

TEST(TokenBucket, says_when_to_ask_again) {
  TokenBucket bucket(100, 10);
  ASSERT_EQ(bucket.take(95, seconds(1)), kNothing);
  EXPECT_EQ(bucket.take(20, seconds(1)), milliseconds(1500));
  EXPECT_EQ(bucket.take(20, seconds(2)), milliseconds(500));
  EXPECT_GT(bucket.take(20, milliseconds(2499)), kNothing);
  EXPECT_EQ(bucket.take(20, milliseconds(2500)), kNothing);
}

TEST(TokenBucket, takes_nothing_when_there_is_too_little) {
  TokenBucket bucket(100, 10);
  ASSERT_EQ(bucket.take(90, seconds(1)), kNothing);
  ASSERT_GT(bucket.take(11, seconds(1)), kNothing);
  EXPECT_EQ(bucket.take(10, seconds(1)), kNothing);
}

TEST(TokenBucket, holds_no_more_than_its_capacity) {
  TokenBucket bucket(100, 10);
  ASSERT_EQ(bucket.take(100, seconds(1)), kNothing);
  ASSERT_EQ(bucket.take(100, seconds(1000)), kNothing);
  EXPECT_GT(bucket.take(1, seconds(1000)), kNothing);
}

TEST(TokenBucket, parts_of_a_token_add_up) {
  TokenBucket bucket(10, 10);
  nanoseconds now = seconds(1);
  ASSERT_EQ(bucket.take(10, now), kNothing);
  int taken = 0;
  for (int i = 0; i < 1000; ++i) {
    now += milliseconds(33);
    if (bucket.take(1, now) == kNothing) ++taken;
  }
  EXPECT_EQ(taken, 330);  // 33 seconds, 10 each
}

TEST(TokenBucket, taking_nothing_always_succeeds) {
  TokenBucket bucket(100, 10);
  ASSERT_EQ(bucket.take(100, kNothing), kNothing);
  EXPECT_EQ(bucket.take(0, kNothing), kNothing);
}

}  // namespace
}  // namespace redoubt
