// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/dma_memory.h"

#include <cstdint>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/devices/virtio/fake_driver.h"

namespace redoubt {
namespace {

GuestAddress offset(GuestAddress base, uint64_t by) { return GuestAddress(base.value() + by); }

TEST(DmaMemory, window_is_all_that_devices_may_use) {
  FakeDriver driver;
  DmaMemory& memory = driver.memory();
  const GuestAddress private_ram = driver.outside();
  std::vector<std::byte> bytes(16);

  EXPECT_EQ(memory.read(private_ram, bytes).error(), QueueError::OutOfRange);
  EXPECT_EQ(memory.write(private_ram, bytes).error(), QueueError::OutOfRange);
  EXPECT_EQ(memory.load_u16(private_ram).error(), QueueError::OutOfRange);
  EXPECT_EQ(memory.load_acquire_u16(private_ram).error(), QueueError::OutOfRange);
  EXPECT_EQ(memory.store_release_u16(private_ram, 1).error(), QueueError::OutOfRange);
  EXPECT_FALSE(memory.contains(GuestRange(private_ram, 16)));
  EXPECT_TRUE(memory.read(memory.window()->start(), bytes));
  EXPECT_TRUE(memory.contains(*memory.window()));
}

TEST(DmaMemory, without_a_window_devices_may_use_all_memory_and_no_more) {
  FakeDriver driver(FakeDriver::Memory::Plain);
  DmaMemory& memory = driver.memory();
  std::vector<std::byte> bytes(16);

  EXPECT_TRUE(memory.write(driver.outside(), bytes));
  EXPECT_TRUE(memory.store_release_u16(driver.outside(), 1));
  EXPECT_EQ(memory.read(driver.nowhere(), bytes).error(), QueueError::OutOfRange);
  EXPECT_FALSE(memory.contains(GuestRange(driver.nowhere(), 16)));
}

// Class 22: what is moved is what was asked for, or nothing outside the window is.
TEST(DmaMemory, every_range_at_the_edges_is_moved_whole_or_refused) {
  FakeDriver driver;
  DmaMemory& memory = driver.memory();
  for (const GuestAddress edge : {memory.window()->start(), memory.window()->end()}) {
    for (int64_t start = -20; start <= 20; ++start) {
      for (uint64_t size = 1; size <= 40; ++size) {
        const GuestAddress address = offset(edge, static_cast<uint64_t>(start));
        const bool inside = memory.window()->contains(GuestRange(address, size));
        std::vector<std::byte> bytes(size);
        ASSERT_EQ(memory.read(address, bytes).has_value(), inside) << start << " " << size;
        ASSERT_EQ(memory.write(address, bytes).has_value(), inside) << start << " " << size;
        ASSERT_EQ(memory.contains(GuestRange(address, size)), inside) << start << " " << size;
      }
    }
  }
}

TEST(DmaMemory, ranges_that_wrap_around_are_refused) {
  FakeDriver driver;
  std::vector<std::byte> bytes(32);
  EXPECT_EQ(driver.memory().read(GuestAddress(~uint64_t{0} - 7), bytes).error(),
            QueueError::OutOfRange);
  EXPECT_EQ(driver.memory().load_u16(GuestAddress(~uint64_t{0})).error(), QueueError::OutOfRange);
}

TEST(DmaMemory, access_of_no_bytes_succeeds_anywhere) {
  FakeDriver driver;
  EXPECT_TRUE(driver.memory().read(driver.nowhere(), {}));
  EXPECT_TRUE(driver.memory().write(driver.outside(), {}));
}

TEST(DmaMemory, index_at_an_odd_address_is_misaligned) {
  FakeDriver driver;
  const GuestAddress odd = offset(driver.memory().window()->start(), 1);
  EXPECT_EQ(driver.memory().load_u16(odd).error(), QueueError::Misaligned);
  EXPECT_EQ(driver.memory().store_release_u16(odd, 1).error(), QueueError::Misaligned);
}

TEST(DmaMemory, revoked_page_is_inaccessible_until_it_is_restored) {
  FakeDriver driver;
  const GuestRange range = driver.allocate(64);
  std::vector<std::byte> bytes(64);
  {
    const RevokedPages gone = driver.revoke(range);
    EXPECT_EQ(driver.memory().read(range.start(), bytes).error(), QueueError::Inaccessible);
    EXPECT_EQ(driver.memory().write(range.start(), bytes).error(), QueueError::Inaccessible);
    EXPECT_EQ(driver.memory().load_u16(range.start()).error(), QueueError::Inaccessible);
    EXPECT_TRUE(driver.memory().contains(range));
  }
  EXPECT_TRUE(driver.memory().read(range.start(), bytes));
}

TEST(DmaMemory, backend_of_a_protected_guest_is_shown_the_window_alone) {
  FakeDriver driver;
  const std::vector<MemorySlot> slots = driver.memory().slots();
  ASSERT_EQ(slots.size(), 1u);
  EXPECT_EQ(slots[0].range, *driver.memory().window());
  EXPECT_TRUE(driver.memory().fd().has_value());
}

TEST(DmaMemory, backend_of_an_unprotected_guest_is_shown_all_memory) {
  FakeDriver driver(FakeDriver::Memory::Plain);
  EXPECT_EQ(driver.memory().slots().size(), driver.guest_memory().slots().size());
  EXPECT_FALSE(driver.memory().fd().has_value());
}

TEST(DmaMemory, peak_is_the_most_that_was_held_at_once) {
  FakeDriver driver;
  DmaMemory& memory = driver.memory();
  memory.hold(100);
  memory.hold(50);
  memory.release(120);
  memory.hold(60);
  EXPECT_EQ(memory.held(), 90u);
  EXPECT_EQ(memory.peak_held(), 150u);
}

TEST(DmaMemory, held_bytes_are_counted_across_threads) {
  FakeDriver driver;
  DmaMemory& memory = driver.memory();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 20'000; ++j) {
        memory.hold(3);
        memory.release(3);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(memory.held(), 0u);
  EXPECT_GE(memory.peak_held(), 3u);
  EXPECT_LE(memory.peak_held(), 12u);
}

}  // namespace
}  // namespace redoubt
