// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/placement.h"

#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "tests/sizes.h"
#include "tests/unit/boot/guest_ram.h"

namespace redoubt::boot {
namespace {

constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();

TEST(Placement, small_guest_has_everything_where_the_header_draws_it) {
  const auto placement =
      place(ram(32 * kMiB), {.text_offset = 0, .kernel = 12 * kMiB, .initrd = 3 * kMiB + 5});

  ASSERT_TRUE(placement);
  EXPECT_EQ(placement->kernel, GuestRange(GuestAddress(0x4000'0000), 12 * kMiB));
  EXPECT_EQ(placement->device_tree, GuestRange(GuestAddress(0x41e0'0000), 2 * kMiB));
  EXPECT_EQ(placement->initrd, GuestRange(GuestAddress(0x41af'0000), 3 * kMiB + 5));
}

TEST(Placement, text_offset_moves_the_kernel) {
  const auto placement = place(ram(64 * kMiB), {.text_offset = 0x80000, .kernel = kMiB});

  EXPECT_EQ(placement->kernel.start(), GuestAddress(0x4008'0000));
  EXPECT_FALSE(placement->initrd);
}

TEST(Placement, beyond_3_gib_of_ram_the_rest_is_left_alone) {
  const auto placement = place(ram(16 * kGiB), {.kernel = kMiB, .initrd = kMiB});

  EXPECT_EQ(placement->device_tree.end(), GuestAddress(0x1'0000'0000));
}

TEST(Placement, odd_end_of_ram_leaves_the_device_tree_a_whole_block) {
  const auto placement = place(ram(33 * kMiB), {.kernel = kMiB});

  EXPECT_EQ(placement->device_tree.start(), GuestAddress(0x41e0'0000));
}

TEST(Placement, kernel_may_reach_up_to_the_device_tree_and_no_further) {
  const auto fits = place(ram(32 * kMiB), {.kernel = 30 * kMiB});
  const auto too_large = place(ram(32 * kMiB), {.kernel = 30 * kMiB + 1});

  EXPECT_TRUE(fits);
  ASSERT_FALSE(too_large);
  EXPECT_EQ(too_large.error().part, PayloadPart::Kernel);
  EXPECT_EQ(too_large.error().minimum_ram, 34 * kMiB);
}

TEST(Placement, initrd_that_does_not_fit_behind_the_kernel_is_named) {
  const auto placement = place(ram(32 * kMiB), {.kernel = 20 * kMiB, .initrd = 10 * kMiB + 1});

  ASSERT_FALSE(placement);
  EXPECT_EQ(placement.error().part, PayloadPart::Initrd);
  EXPECT_EQ(placement.error().minimum_ram, 34 * kMiB);
}

TEST(Placement, payload_beyond_3_gib_never_fits) {
  const auto kernel = place(ram(64 * kGiB), {.kernel = 3 * kGiB - kMiB});
  const auto initrd = place(ram(64 * kGiB), {.kernel = 2 * kGiB, .initrd = kGiB});

  EXPECT_EQ(kernel.error().part, PayloadPart::Kernel);
  EXPECT_EQ(kernel.error().minimum_ram, std::nullopt);
  EXPECT_EQ(initrd.error().part, PayloadPart::Initrd);
  EXPECT_EQ(initrd.error().minimum_ram, std::nullopt);
}

TEST(Placement, sizes_that_would_wrap_around_are_refused) {
  EXPECT_FALSE(place(ram(kGiB), {.text_offset = kMost, .kernel = kMiB}));
  EXPECT_FALSE(place(ram(kGiB), {.kernel = kMost}));
  EXPECT_FALSE(place(ram(kGiB), {.kernel = kMiB, .initrd = kMost}));
  EXPECT_FALSE(place(ram(kGiB), {.text_offset = kMost, .kernel = kMost, .initrd = kMost}));
  EXPECT_FALSE(place(ram(kGiB), {.text_offset = kMost - kMiB + 1, .kernel = kMiB}));
}

// Sizes of every magnitude, so that the small and the hopeless are tried as often as the likely.
class Sizes {
 public:
  uint64_t next(int bits) {
    const auto shift = static_cast<int>(random_() % static_cast<uint64_t>(bits));
    return random_() >> (64 - bits) >> shift;
  }

 private:
  std::mt19937_64 random_{1};
};

TEST(Placement, whatever_is_placed_obeys_the_boot_protocol) {
  Sizes sizes;
  int placed = 0;
  for (int i = 0; i < 200'000; ++i) {
    const GuestRange memory = ram((32 + sizes.next(13)) * kMiB);
    const PayloadSizes payload = {.text_offset = sizes.next(24) & ~uint64_t{0xfff},
                                  .kernel = 1 + sizes.next(33),
                                  .initrd = sizes.next(33)};

    const auto placement = place(memory, payload);

    if (!placement) continue;
    ++placed;
    const GuestRange kernel = placement->kernel;
    const GuestRange device_tree = placement->device_tree;
    ASSERT_EQ((kernel.start().value() - payload.text_offset) % (2 * kMiB), 0u);
    ASSERT_EQ(kernel.size(), payload.kernel);
    ASSERT_TRUE(memory.contains(kernel));
    ASSERT_TRUE(memory.contains(device_tree));
    ASSERT_EQ(device_tree.start().value() % (2 * kMiB), 0u);
    ASSERT_EQ(device_tree.size(), 2 * kMiB);
    ASSERT_LE(device_tree.end().value(), 0x1'0000'0000u);
    ASSERT_FALSE(kernel.overlaps(device_tree));
    ASSERT_EQ(placement->initrd.has_value(), payload.initrd != 0);
    if (!placement->initrd) continue;
    ASSERT_EQ(placement->initrd->start().value() % (64 * kKiB), 0u);
    ASSERT_EQ(placement->initrd->size(), payload.initrd);
    ASSERT_TRUE(memory.contains(*placement->initrd));
    ASSERT_FALSE(placement->initrd->overlaps(kernel));
    ASSERT_FALSE(placement->initrd->overlaps(device_tree));
    ASSERT_GT(placement->initrd->start(), kernel.start());
  }
  EXPECT_GT(placed, 20'000);
}

TEST(Placement, minimum_ram_is_enough_and_one_block_less_is_not) {
  Sizes sizes;
  int checked = 0;
  for (int i = 0; i < 200'000; ++i) {
    const PayloadSizes payload = {.text_offset = sizes.next(24) & ~uint64_t{0xfff},
                                  .kernel = 1 + sizes.next(32),
                                  .initrd = sizes.next(32)};

    const auto refused = place(ram(2 * kMiB), payload);

    ASSERT_FALSE(refused);
    if (!refused.error().minimum_ram) continue;
    ++checked;
    const uint64_t minimum = *refused.error().minimum_ram;
    ASSERT_TRUE(place(ram(minimum), payload));
    ASSERT_FALSE(place(ram(minimum - kMiB), payload));
  }
  EXPECT_GT(checked, 20'000);
}

}  // namespace
}  // namespace redoubt::boot
