// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/vsock/vsock_credit.h"

#include <array>
#include <random>

#include <gtest/gtest.h>

namespace redoubt {
namespace {

constexpr std::array<uint32_t, 14> kEdges = {
    0,           1,           2,           3,           0xff,        0x10000,     0x7fff'fffe,
    0x7fff'ffff, 0x8000'0000, 0x8000'0001, 0xffff'fffd, 0xffff'fffe, 0xffff'ffff, 262'144};

// What the credit is, in numbers that do not wrap.
uint32_t expected(uint32_t buf_alloc, uint32_t fwd_cnt, uint32_t sent) {
  const auto under_way = static_cast<int64_t>(static_cast<uint32_t>(sent - fwd_cnt));
  return static_cast<uint32_t>(std::max<int64_t>(0, int64_t{buf_alloc} - under_way));
}

SendCredit credit_of(uint32_t buf_alloc, uint32_t fwd_cnt, uint32_t sent) {
  SendCredit credit;
  credit.update(buf_alloc, fwd_cnt);
  credit.sent(sent);
  return credit;
}

TEST(SendCredit, nothing_may_be_sent_before_the_peer_has_spoken) {
  EXPECT_EQ(SendCredit().available(), 0u);
}

TEST(SendCredit, what_is_under_way_is_subtracted) {
  EXPECT_EQ(credit_of(100, 0, 30).available(), 70u);
  EXPECT_EQ(credit_of(100, 30, 30).available(), 100u);
}

TEST(SendCredit, counters_wrap) {
  EXPECT_EQ(credit_of(100, 0xffff'fff0, 0x10).available(), 100u - 0x20);
}

// Row 51: no triple makes the credit underflow.
TEST(SendCredit, no_triple_of_the_peer_underflows) {
  for (const uint32_t buf_alloc : kEdges) {
    for (const uint32_t fwd_cnt : kEdges) {
      for (const uint32_t sent : kEdges) {
        const uint32_t available = credit_of(buf_alloc, fwd_cnt, sent).available();
        ASSERT_EQ(available, expected(buf_alloc, fwd_cnt, sent));
        ASSERT_LE(available, buf_alloc);
      }
    }
  }
}

TEST(SendCredit, no_random_triple_underflows_either) {
  std::mt19937 random(51);
  for (int i = 0; i < 2'000'000; ++i) {
    const uint32_t buf_alloc = static_cast<uint32_t>(random());
    const uint32_t fwd_cnt = static_cast<uint32_t>(random());
    const uint32_t sent = static_cast<uint32_t>(random());
    const uint32_t available = credit_of(buf_alloc, fwd_cnt, sent).available();
    ASSERT_EQ(available, expected(buf_alloc, fwd_cnt, sent));
  }
}

TEST(SendCredit, acknowledging_what_was_never_sent_gives_nothing) {
  EXPECT_EQ(credit_of(1000, 500, 0).available(), 0u);
}

TEST(SendCredit, buffer_that_shrinks_below_what_is_under_way_gives_nothing) {
  SendCredit credit = credit_of(1000, 0, 800);
  credit.update(100, 0);
  EXPECT_EQ(credit.available(), 0u);
}

TEST(ReceiveCredit, so_much_is_admitted_and_no_byte_more) {
  ReceiveCredit credit;
  EXPECT_TRUE(credit.admits(ReceiveCredit::kBufAlloc));
  EXPECT_FALSE(credit.admits(ReceiveCredit::kBufAlloc + 1));
  EXPECT_FALSE(credit.admits(0xffff'ffff));
  credit.received(ReceiveCredit::kBufAlloc);
  EXPECT_TRUE(credit.admits(0));
  EXPECT_FALSE(credit.admits(1));
  credit.forwarded(10);
  EXPECT_TRUE(credit.admits(10));
  EXPECT_FALSE(credit.admits(11));
}

TEST(ReceiveCredit, invariants_hold_for_any_course_of_events_and_across_the_wrap) {
  std::mt19937 random(52);
  ReceiveCredit credit;
  uint64_t received = 0;
  uint64_t forwarded = 0;
  while (received < (uint64_t{1} << 32) * 3) {
    const auto bytes = static_cast<uint32_t>(random() % (ReceiveCredit::kBufAlloc * 5 / 4));
    if (credit.admits(bytes)) {
      credit.received(bytes);
      received += bytes;
    }
    const auto leaving = static_cast<uint32_t>(random() % (credit.waiting() + 1));
    credit.forwarded(leaving);
    forwarded += leaving;
    ASSERT_EQ(credit.waiting(), received - forwarded);
    ASSERT_LE(credit.waiting(), ReceiveCredit::kBufAlloc);
    if (credit.worth_telling()) {
      ASSERT_EQ(credit.tell(), static_cast<uint32_t>(forwarded));
      ASSERT_FALSE(credit.worth_telling());
    }
  }
}

// A peer that waits for credit is told of it: it never sees a full buffer that is not full.
TEST(ReceiveCredit, peer_that_has_filled_the_buffer_is_told_when_it_drains) {
  ReceiveCredit credit;
  credit.received(ReceiveCredit::kBufAlloc);
  EXPECT_FALSE(credit.worth_telling());
  credit.forwarded(1);
  EXPECT_TRUE(credit.worth_telling());
}

TEST(ReceiveCredit, peer_with_plenty_of_credit_is_not_told) {
  ReceiveCredit credit;
  credit.received(1000);
  credit.forwarded(1000);
  EXPECT_FALSE(credit.worth_telling());
}

}  // namespace
}  // namespace redoubt
