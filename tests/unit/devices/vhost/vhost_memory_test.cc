// SPDX-License-Identifier: Apache-2.0
#include "devices/vhost/vhost_memory.h"

#include <array>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/unit/devices/virtio/fake_driver.h"
#include "vmm/base/unique_fd.h"

namespace redoubt {
namespace {

constexpr uint16_t kSize = 64;

// What the kernel finds at an address of this process, asked of the kernel.
uint64_t kernel_reads(uint64_t address) {
  const UniqueFd memory(::open("/proc/self/mem", O_RDONLY | O_CLOEXEC));
  uint64_t value = 0;
  EXPECT_EQ(::pread(memory.get(), &value, sizeof value, static_cast<off_t>(address)), 8);
  return value;
}

uint64_t put_mark(FakeDriver& driver, GuestAddress at) {
  static uint64_t next = 0x5eed'0000'0000'0001;
  const uint64_t mark = next++;
  driver.write(at, std::as_bytes(std::span(&mark, 1)));
  return mark;
}

TEST(VhostMemory, table_of_a_protected_guest_is_the_window_alone) {
  FakeDriver driver(FakeDriver::Memory::Window);
  const auto table = vhost_memory_table(driver.memory());
  ASSERT_TRUE(table);
  ASSERT_EQ(table->region_count, 1U);
  EXPECT_EQ(table->padding, 0U);
  const GuestRange window = driver.memory().window().value();
  EXPECT_EQ(table->regions[0].guest_phys_addr, window.start().value());
  EXPECT_EQ(table->regions[0].memory_size, window.size());
  EXPECT_EQ(table->regions[0].flags_padding, 0U);
}

TEST(VhostMemory, table_of_another_guest_is_all_its_memory) {
  FakeDriver driver(FakeDriver::Memory::Plain);
  const auto table = vhost_memory_table(driver.memory());
  ASSERT_TRUE(table);
  ASSERT_EQ(table->region_count, driver.guest_memory().slots().size());
  for (size_t i = 0; i < table->region_count; ++i) {
    const GuestRange range = driver.guest_memory().slots()[i].range;
    EXPECT_EQ(table->regions.at(i).guest_phys_addr, range.start().value());
    EXPECT_EQ(table->regions.at(i).memory_size, range.size());
  }
}

TEST(VhostMemory, addresses_of_the_table_are_where_the_guest_memory_is) {
  FakeDriver driver;
  const uint64_t mark = put_mark(driver, driver.memory().window()->start());
  const auto table = vhost_memory_table(driver.memory());
  ASSERT_TRUE(table);
  EXPECT_EQ(kernel_reads(table->regions[0].userspace_addr), mark);
}

TEST(VhostMemory, parts_of_a_ring_are_found) {
  FakeDriver driver;
  const uint16_t queue = driver.add_queue(kSize);
  const QueueLayout layout = driver.layout(queue);
  const uint64_t in_table = put_mark(driver, layout.descriptor_table);
  const uint64_t in_available = put_mark(driver, layout.available_ring);
  const uint64_t in_used = put_mark(driver, layout.used_ring);
  const auto ring = vhost_ring_addresses(driver.memory(), 1, layout);
  ASSERT_TRUE(ring);
  EXPECT_EQ(ring->index, 1U);
  EXPECT_EQ(ring->flags, 0U);
  EXPECT_EQ(kernel_reads(ring->desc_user_addr), in_table);
  EXPECT_EQ(kernel_reads(ring->avail_user_addr), in_available);
  EXPECT_EQ(kernel_reads(ring->used_user_addr), in_used);
}

struct PartOfRing {
  const char* name;
  GuestAddress QueueLayout::*part;
  uint64_t bytes;
};

class RingPart : public testing::TestWithParam<PartOfRing> {
 protected:
  [[nodiscard]] QueueLayout layout_with(GuestAddress start) {
    QueueLayout layout = driver_.layout(driver_.add_queue(kSize));
    layout.*GetParam().part = start;
    return layout;
  }
  [[nodiscard]] auto addresses_with(GuestAddress start) {
    return vhost_ring_addresses(driver_.memory(), 0, layout_with(start));
  }
  FakeDriver driver_;
  const GuestRange window_ = driver_.memory().window().value();
};

TEST_P(RingPart, outside_the_window_is_refused) {
  const auto ring = addresses_with(driver_.outside());
  ASSERT_FALSE(ring);
  EXPECT_EQ(ring.error(), QueueError::OutOfRange);
}

TEST_P(RingPart, where_there_is_no_memory_is_refused) {
  EXPECT_FALSE(addresses_with(FakeDriver::nowhere()));
}

TEST_P(RingPart, at_the_very_end_of_the_window_is_taken) {
  EXPECT_TRUE(addresses_with(GuestAddress(window_.end().value() - GetParam().bytes)));
}

TEST_P(RingPart, that_sticks_out_of_the_window_is_refused) {
  EXPECT_FALSE(addresses_with(GuestAddress(window_.end().value() - GetParam().bytes + 1)));
}

TEST_P(RingPart, whose_end_wraps_around_is_refused) {
  EXPECT_FALSE(addresses_with(GuestAddress(~uint64_t{0} - 16)));
}

INSTANTIATE_TEST_SUITE_P(
    VhostMemory, RingPart,
    testing::Values(PartOfRing{"descriptor_table", &QueueLayout::descriptor_table, 16 * kSize},
                    PartOfRing{"available_ring", &QueueLayout::available_ring, 6 + 2 * kSize},
                    PartOfRing{"used_ring", &QueueLayout::used_ring, 6 + 8 * kSize}),
    [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace redoubt
