// SPDX-License-Identifier: Apache-2.0
#include "vmm/memory/guest_address.h"

#include <limits>

#include <gtest/gtest.h>

namespace redoubt {
namespace {

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

TEST(GuestAddress, is_ordered_by_value) {
  EXPECT_LT(GuestAddress(1), GuestAddress(2));
  EXPECT_EQ(GuestAddress(7), GuestAddress(7));
  EXPECT_EQ(GuestAddress().value(), 0u);
}

TEST(GuestAddress, checked_add_reaches_the_last_address) {
  EXPECT_EQ(GuestAddress(kMax - 1).checked_add(1), GuestAddress(kMax));
  EXPECT_EQ(GuestAddress(kMax).checked_add(0), GuestAddress(kMax));
}

TEST(GuestAddress, checked_add_refuses_wrap_around) {
  EXPECT_FALSE(GuestAddress(kMax).checked_add(1));
  EXPECT_FALSE(GuestAddress(1).checked_add(kMax));
}

TEST(GuestRange, make_refuses_size_zero) {
  EXPECT_FALSE(GuestRange::make(GuestAddress(0x1000), 0));
}

TEST(GuestRange, make_refuses_wrap_around) {
  EXPECT_FALSE(GuestRange::make(GuestAddress(kMax), 2));
  EXPECT_FALSE(GuestRange::make(GuestAddress(2), kMax));
}

TEST(GuestRange, make_refuses_an_end_that_is_not_representable) {
  EXPECT_FALSE(GuestRange::make(GuestAddress(kMax), 1));
  EXPECT_TRUE(GuestRange::make(GuestAddress(kMax - 1), 1));
  EXPECT_TRUE(GuestRange::make(GuestAddress(0), kMax));
}

TEST(GuestRange, end_is_one_past_the_last_byte) {
  constexpr GuestRange range(GuestAddress(0x1000), 0x10);
  EXPECT_EQ(range.start(), GuestAddress(0x1000));
  EXPECT_EQ(range.size(), 0x10u);
  EXPECT_EQ(range.end(), GuestAddress(0x1010));
}

TEST(GuestRange, contains_its_first_and_last_address_only) {
  constexpr GuestRange range(GuestAddress(0x1000), 0x10);
  EXPECT_FALSE(range.contains(GuestAddress(0xfff)));
  EXPECT_TRUE(range.contains(GuestAddress(0x1000)));
  EXPECT_TRUE(range.contains(GuestAddress(0x100f)));
  EXPECT_FALSE(range.contains(GuestAddress(0x1010)));
}

TEST(GuestRange, contains_itself_and_its_parts) {
  constexpr GuestRange range(GuestAddress(0x1000), 0x10);
  EXPECT_TRUE(range.contains(range));
  EXPECT_TRUE(range.contains(GuestRange(GuestAddress(0x100f), 1)));
  EXPECT_TRUE(range.contains(GuestRange(GuestAddress(0x1000), 1)));
}

TEST(GuestRange, does_not_contain_what_sticks_out) {
  constexpr GuestRange range(GuestAddress(0x1000), 0x10);
  EXPECT_FALSE(range.contains(GuestRange(GuestAddress(0xfff), 0x10)));
  EXPECT_FALSE(range.contains(GuestRange(GuestAddress(0x1001), 0x10)));
  EXPECT_FALSE(range.contains(GuestRange(GuestAddress(0), kMax)));
}

TEST(GuestRange, neighbours_do_not_overlap) {
  constexpr GuestRange range(GuestAddress(0x1000), 0x10);
  EXPECT_FALSE(range.overlaps(GuestRange(GuestAddress(0xff0), 0x10)));
  EXPECT_FALSE(range.overlaps(GuestRange(GuestAddress(0x1010), 0x10)));
}

TEST(GuestRange, overlaps_what_shares_one_byte) {
  constexpr GuestRange range(GuestAddress(0x1000), 0x10);
  EXPECT_TRUE(range.overlaps(GuestRange(GuestAddress(0xff1), 0x10)));
  EXPECT_TRUE(range.overlaps(GuestRange(GuestAddress(0x100f), 0x10)));
  EXPECT_TRUE(range.overlaps(GuestRange(GuestAddress(0x1004), 1)));
  EXPECT_TRUE(range.overlaps(GuestRange(GuestAddress(0), kMax)));
}

}  // namespace
}  // namespace redoubt
