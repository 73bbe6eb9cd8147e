// SPDX-License-Identifier: Apache-2.0
//
// Where rings, tables and buffers may lie (bug classes 12, 21 and 22): in memory that devices may
// use, to their last byte.
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/devices/virtio/queue_fixture.h"

namespace redoubt {
namespace {

std::string words(QueueError error) { return std::string(describe(error)); }

class VirtqueuePlaceTest : public QueueFixture {
 protected:
  VirtqueuePlaceTest() : buffer(driver.allocate(4096)) {}

  [[nodiscard]] uint64_t address() const { return buffer.start().value(); }

  const GuestRange buffer;
};

TEST_F(VirtqueuePlaceTest, buffer_that_is_not_wholly_in_the_window_is_refused) {
  const GuestRange window = *driver.memory().window();
  const uint64_t start = window.start().value();
  const uint64_t end = window.end().value();
  const std::vector<std::pair<uint64_t, uint32_t>> outside = {{start - 1, 1},
                                                              {start - 1, 2},
                                                              {end - 1, 2},
                                                              {end, 1},
                                                              {0, 1},
                                                              {driver.nowhere().value(), 4},
                                                              {0x0a00'0000, 4},
                                                              {0x0a00'0050, 4},
                                                              {driver.outside().value(), 4},
                                                              {0xffff'ffff'ffff'ffff, 1},
                                                              {0xffff'ffff'ffff'fff0, 0x20},
                                                              {uint64_t{1} << 40, 1},
                                                              {start, 0xffff'ffff}};
  for (const auto& [at, length] : outside) {
    for (const uint16_t flags : {uint16_t{0}, kDescWrite}) {
      start_over();
      driver.set_descriptor(0, 0, {at, length, flags, 0});
      driver.make_available(0, 0);
      EXPECT_EQ(error_of_pop(), words(QueueError::OutOfRange)) << at << " " << length;
    }
  }
  for (const auto& [at, length] : {std::pair{start, 1u}, {end - 1, 1u}, {end - 4096, 4096u}}) {
    start_over(0);
    driver.set_descriptor(0, 0, {at, length, 0, 0});
    driver.make_available(0, 0);
    EXPECT_EQ(error_of_pop(), "") << at << " " << length;
  }
}

TEST_F(VirtqueuePlaceTest, indirect_table_outside_the_window_is_refused) {
  for (const uint64_t at : {uint64_t{0}, driver.outside().value(), driver.nowhere().value(),
                            driver.memory().window()->end().value() - 8, 0xffff'ffff'ffff'fff8}) {
    driver.set_descriptor(0, 0, {at, 16, kDescIndirect, 0});
    driver.make_available(0, 0);
    EXPECT_EQ(error_of_pop(), words(QueueError::OutOfRange)) << at;
  }
}

enum class Ring { Descriptors, Available, Used };

QueueLayout with(QueueLayout layout, Ring ring, uint64_t address) {
  GuestAddress& start = ring == Ring::Descriptors ? layout.descriptor_table
                        : ring == Ring::Available ? layout.available_ring
                                                  : layout.used_ring;
  start = GuestAddress(address);
  return layout;
}

TEST_F(VirtqueuePlaceTest, ring_that_is_not_wholly_in_the_window_is_refused) {
  const uint64_t start = driver.memory().window()->start().value();
  const uint64_t end = driver.memory().window()->end().value();
  const std::vector<std::pair<Ring, uint64_t>> rings = {{Ring::Descriptors, 16 * kSize},
                                                        {Ring::Available, 6 + 2 * kSize},
                                                        {Ring::Used, 6 + 8 * kSize}};
  for (const auto& [ring, size] : rings) {
    const auto error = [&, which = ring](uint64_t at) {
      const auto made = Virtqueue::create(driver.memory(), with(driver.layout(0), which, at), 0, 1);
      return made ? "" : words(made.error());
    };
    for (const uint64_t at :
         {uint64_t{0}, driver.outside().value(), driver.nowhere().value(), start - 16,
          (end - size + 16) & ~uint64_t{15}, end, ~uint64_t{0} & ~uint64_t{15}, ~uint64_t{0}}) {
      EXPECT_EQ(error(at), words(QueueError::OutOfRange)) << at;
    }
    EXPECT_EQ(error(start), "");
    EXPECT_EQ(error((end - size) & ~uint64_t{15}), "");
  }
}

TEST_F(VirtqueuePlaceTest, misaligned_ring_is_refused) {
  const uint64_t base = driver.allocate(4096).start().value();
  const std::vector<std::pair<Ring, uint64_t>> alignments = {
      {Ring::Descriptors, 16}, {Ring::Available, 2}, {Ring::Used, 4}};
  for (const auto& [ring, alignment] : alignments) {
    for (uint64_t offset = 0; offset <= 32; ++offset) {
      const auto made =
          Virtqueue::create(driver.memory(), with(driver.layout(0), ring, base + offset), 0, 1);
      ASSERT_EQ(made.has_value(), offset % alignment == 0) << offset;
      EXPECT_TRUE(made || made.error() == QueueError::Misaligned) << offset;
    }
  }
}

TEST_F(VirtqueuePlaceTest, rings_that_overlap_harm_the_driver_alone) {
  QueueLayout layout = driver.layout(0);
  layout.available_ring = layout.descriptor_table;
  layout.used_ring = layout.descriptor_table;
  auto overlapping = Virtqueue::create(driver.memory(), layout, kAllQueueFeatures, 1).value();
  std::mt19937 random(7);
  for (int i = 0; i < 2000; ++i) {
    const auto word = static_cast<uint32_t>(random());
    driver.write(GuestAddress(layout.descriptor_table.value() + random() % 64 * 4),
                 std::as_bytes(std::span(&word, 1)));
    overlapping.begin_turn();
    for (int turn = 0; turn < 4; ++turn) {
      auto chain = overlapping.pop();
      if (!chain || !*chain) break;
      ASSERT_TRUE(overlapping.push(std::move(**chain), 0));
    }
    ASSERT_TRUE(overlapping.take_interrupt_wanted());
  }
}

}  // namespace
}  // namespace redoubt
