// SPDX-License-Identifier: Apache-2.0
//
// A virtqueue under a driver that breaks it on purpose. Whatever stands in the rings, pop() ends
// soon with a request that is wholly checked, or with the error that names the fault.
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/devices/virtio/queue_fixture.h"

namespace redoubt {
namespace {

using ::testing::ElementsAre;

std::string text(QueueError error) { return std::string(describe(error)); }

class HostileVirtqueueTest : public QueueFixture {
 protected:
  HostileVirtqueueTest() : buffer(driver.allocate(4096)) {}

  [[nodiscard]] uint64_t address() const { return buffer.start().value(); }

  const GuestRange buffer;
};

// --- Classes 1 and 7: chains that do not end, and indices beyond the table

TEST_F(HostileVirtqueueTest, cycle_of_any_length_is_a_chain_too_long) {
  for (uint16_t length = 1; length <= kSize; ++length) {
    for (uint16_t i = 0; i < length; ++i) {
      const auto next = static_cast<uint16_t>((i + 1) % length);
      driver.set_descriptor(0, i, {address(), 1, kDescNext, next});
    }
    driver.make_available(0, 0);
    EXPECT_EQ(error_of_pop(), text(QueueError::ChainTooLong)) << length;
    EXPECT_EQ(driver.memory().held(), 0u);
  }
}

TEST_F(HostileVirtqueueTest, cycle_inside_an_indirect_table_is_a_chain_too_long) {
  for (uint16_t length = 1; length <= kSize; ++length) {
    auto chain = driver.chain().indirect();
    for (uint16_t i = 0; i < length; ++i) {
      const auto next = static_cast<uint16_t>((i + 1) % length);
      chain.descriptor({address(), 1, kDescNext, next});
    }
    start_over();
    chain.submit(0);
    EXPECT_EQ(error_of_pop(), text(QueueError::ChainTooLong)) << length;
  }
}

TEST_F(HostileVirtqueueTest, next_beyond_the_table_is_refused) {
  for (const uint16_t next :
       {uint16_t{kSize}, uint16_t{kSize + 1}, uint16_t{0x8000}, uint16_t{0xffff}}) {
    driver.set_descriptor(0, 0, {address(), 1, kDescNext, next});
    driver.make_available(0, 0);
    EXPECT_EQ(error_of_pop(), text(QueueError::BadDescriptorIndex)) << next;
  }
}

TEST_F(HostileVirtqueueTest, next_beyond_an_indirect_table_is_refused) {
  for (const uint16_t next : {uint16_t{2}, uint16_t{15}, uint16_t{16}, uint16_t{0xffff}}) {
    start_over();
    driver.chain()
        .indirect()
        .descriptor({address(), 1, kDescNext, next})
        .descriptor({address(), 1, 0, 0})
        .submit(0);
    EXPECT_EQ(error_of_pop(), text(QueueError::BadDescriptorIndex)) << next;
  }
}

TEST_F(HostileVirtqueueTest, head_beyond_the_table_is_refused) {
  for (uint32_t head = 0; head <= 0xffff; ++head) {
    driver.set_available_entry(0, 0, static_cast<uint16_t>(head));
    driver.set_available_index(0, 1);
    driver.set_descriptor(0, static_cast<uint16_t>(head % kSize), {address(), 1, 0, 0});
    const std::string expected = head < kSize ? "" : text(QueueError::BadDescriptorIndex);
    queue->begin_turn();
    auto chain = queue->pop();
    ASSERT_EQ(chain ? "" : text(chain.error()), expected) << head;
    if (chain) queue->undo_pop(std::move(**chain));
  }
}

// --- Classes 2 and 3: lengths

TEST_F(HostileVirtqueueTest, lengths_that_add_up_to_4_gib_are_refused) {
  FakeDriver plain(FakeDriver::Memory::Plain);
  // No buffer is that long where it is checked against memory, so a chain has many of all memory.
  const uint32_t all = 0x400'0000;
  constexpr uint16_t kMany = 128;
  plain.add_queue(kMany);
  for (const uint16_t count : {uint16_t{63}, uint16_t{64}, uint16_t{65}}) {
    plain.reset_queue(0);
    auto chain = plain.chain();
    for (uint16_t i = 0; i < count; ++i) chain.writable_at(GuestAddress(0x4020'0000), all);
    chain.submit(0);
    auto fresh = Virtqueue::create(plain.memory(), plain.layout(0), 0, 1).value();
    const auto popped = fresh.pop();
    EXPECT_EQ(popped ? "" : text(popped.error()), count < 64 ? "" : text(QueueError::BufferTooLong))
        << count;
  }
  EXPECT_EQ(plain.memory().held(), 0u);
}

TEST_F(HostileVirtqueueTest, longest_lengths_are_refused) {
  driver.chain()
      .readable_at(buffer.start(), 0xffff'ffff)
      .writable_at(buffer.start(), 0xffff'ffff)
      .submit(0);
  EXPECT_EQ(error_of_pop(), text(QueueError::OutOfRange));
}

TEST_F(HostileVirtqueueTest, empty_buffer_is_refused_in_every_place) {
  for (int readable = 0; readable <= 3; ++readable) {
    for (int empty = 0; empty < 3; ++empty) {
      start_over(0);
      auto chain = driver.chain();
      for (int i = 0; i < 3; ++i) {
        const uint16_t flags = i < readable ? 0 : kDescWrite;
        chain.descriptor({address(), i == empty ? 0u : 8u, flags, 0});
      }
      chain.submit(0);
      EXPECT_EQ(error_of_pop(), text(QueueError::EmptyBuffer)) << readable << " " << empty;
    }
  }
}

// --- Classes 4, 5 and 6: indirect tables

TEST_F(HostileVirtqueueTest, indirect_table_of_an_impossible_size_is_refused) {
  for (const uint32_t length : {0u, 1u, 8u, 15u, 17u, 16u * (kSize + 1), 16u * 65536, 16u * 65537,
                                0xffff'fff0u, 0xffff'ffffu}) {
    start_over();
    driver.chain().descriptor({address(), length, kDescIndirect, 0}).submit(0);
    EXPECT_EQ(error_of_pop(), text(QueueError::BadIndirectTable)) << length;
  }
}

TEST_F(HostileVirtqueueTest, indirect_chain_may_be_as_long_as_the_queue_and_no_longer) {
  for (const int length : {kSize - 1, int{kSize}, kSize + 1}) {
    start_over();
    auto chain = driver.chain().indirect();
    for (int i = 0; i < length; ++i) chain.writable_at(buffer.start(), 1);
    chain.submit(0);
    EXPECT_EQ(error_of_pop() == "", length <= kSize) << length;
  }
}

TEST_F(HostileVirtqueueTest, ordinary_and_indirect_descriptors_count_together) {
  auto chain = driver.chain();
  std::vector<FakeDescriptor> entries;
  for (uint16_t i = 0; i < kSize; ++i) {
    const bool last = i + 1 == kSize;
    entries.push_back(
        {address(), 1, static_cast<uint16_t>(last ? 0 : kDescNext), static_cast<uint16_t>(i + 1)});
  }
  driver.write(buffer.start(), std::as_bytes(std::span(entries)));
  chain.readable("one more").descriptor({address(), 16 * kSize, kDescIndirect, 0}).submit(0);
  EXPECT_EQ(error_of_pop(), text(QueueError::ChainTooLong));
}

TEST_F(HostileVirtqueueTest, indirect_inside_indirect_is_refused) {
  driver.chain().indirect().descriptor({address(), 16, kDescIndirect, 0}).submit(0);
  EXPECT_EQ(error_of_pop(), text(QueueError::BadFlags));
}

TEST_F(HostileVirtqueueTest, indirect_with_next_is_refused) {
  driver.chain().descriptor({address(), 16, kDescIndirect | kDescNext, 1}).submit(0);
  EXPECT_EQ(error_of_pop(), text(QueueError::BadFlags));
}

TEST_F(HostileVirtqueueTest, indirect_that_was_not_negotiated_is_refused) {
  start_over(0);
  driver.chain().indirect().writable(1).submit(0);
  EXPECT_EQ(error_of_pop(), text(QueueError::BadFlags));
}

TEST_F(HostileVirtqueueTest, every_unknown_flag_is_refused) {
  for (int bit = 3; bit < 16; ++bit) {
    driver.set_descriptor(0, 0, {address(), 1, static_cast<uint16_t>(1 << bit), 0});
    driver.make_available(0, 0);
    EXPECT_EQ(error_of_pop(), text(QueueError::BadFlags)) << bit;
  }
}

TEST_F(HostileVirtqueueTest, readable_behind_writable_is_refused) {
  driver.chain().writable(4).readable("late").submit(0);
  EXPECT_EQ(error_of_pop(), text(QueueError::ReadableAfterWritable));
}

// --- Classes 8, 14 and 15: more than fits

TEST_F(HostileVirtqueueTest, available_index_further_ahead_than_the_queue_is_refused) {
  for (uint32_t ahead = 0; ahead <= 0xffff; ++ahead) {
    driver.set_available_index(0, static_cast<uint16_t>(ahead));
    const auto available = queue->available();
    ASSERT_EQ(available.has_value(), ahead <= kSize) << ahead;
  }
  EXPECT_EQ(error_of_pop(), text(QueueError::TooManyAvailable));
}

TEST_F(HostileVirtqueueTest, head_made_available_twice_is_refused_until_it_was_used) {
  driver.set_descriptor(0, 3, {address(), 8, kDescWrite, 0});
  driver.make_available(0, 3);
  driver.make_available(0, 3);
  DescriptorChain first = pop();
  EXPECT_EQ(error_of_pop(), text(QueueError::HeadInFlight));
  push(std::move(first), 0);
  EXPECT_EQ(error_of_pop(), "");
}

TEST_F(HostileVirtqueueTest, no_more_requests_are_in_flight_than_the_queue_has_entries) {
  for (uint16_t i = 0; i < kSize; ++i) driver.set_descriptor(0, i, {address(), 8, kDescWrite, 0});
  std::vector<DescriptorChain> held;
  for (uint16_t i = 0; i < kSize; ++i) {
    driver.make_available(0, i);
    held.push_back(pop());
  }
  for (uint16_t i = 0; i < kSize; ++i) {
    driver.make_available(0, i);
    EXPECT_EQ(error_of_pop(), text(QueueError::HeadInFlight));
  }
}

// --- Class 16: what was checked is what is used

TEST_F(HostileVirtqueueTest, descriptors_changed_after_the_pop_are_not_looked_at_again) {
  const FakeRequest request = driver.chain().writable(8).submit(0);
  DescriptorChain chain = pop();
  driver.set_descriptor(0, request.head, {driver.outside().value(), 0xffff'ffff, 0xffff, 0xffff});

  EXPECT_EQ(chain.writable_bytes(), 8u);
  ASSERT_TRUE(chain.write(std::vector(8, std::byte{'!'})));
  push(std::move(chain), 8);
  EXPECT_EQ(text_of(driver.written(request)), "!!!!!!!!");
  EXPECT_THAT(driver.used(0), ElementsAre(Used{request.head, 8}));
}

// --- Everything at once

// Random descriptor tables. A request that is taken lies in the window to its last byte.
TEST_F(HostileVirtqueueTest, random_tables_give_a_checked_request_or_an_error) {
  std::mt19937 random(20240607);
  const auto pick = [&](std::initializer_list<uint64_t> choices) {
    return *(choices.begin() + random() % choices.size());
  };
  const uint64_t window = driver.memory().window()->start().value();
  uint64_t taken = 0;
  uint64_t refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    start_over();
    for (uint16_t i = 0; i < kSize; ++i) {
      const FakeDescriptor descriptor = {
          pick({window, address(), address() + 16, address(),
                driver.layout(0).descriptor_table.value(), driver.outside().value(), random()}),
          static_cast<uint32_t>(pick({1, 16, 32, 64, 256, 0, 0xffff'ffff, random()})),
          static_cast<uint16_t>(pick({0, 1, 1, 1, 2, 3, 3, 4, 5, 6, random()})),
          static_cast<uint16_t>(pick({0, 1, 2, 3, 5, 8, 15, 16, random()}))};
      driver.set_descriptor(0, i, descriptor);
      driver.write(GuestAddress(address() + i * 16), std::as_bytes(std::span(&descriptor, 1)));
    }
    driver.make_available(0, static_cast<uint16_t>(random() % kSize));
    auto popped = queue->pop();
    if (!popped) {
      ++refused;
      ASSERT_EQ(driver.memory().held(), 0u);
      continue;
    }
    ++taken;
    DescriptorChain& chain = **popped;
    std::vector<std::byte> bytes(std::min<uint32_t>(chain.readable_bytes(), 4096));
    ASSERT_TRUE(chain.read(bytes));
    ASSERT_TRUE(chain.skip_readable(chain.readable_left()));
    ASSERT_TRUE(chain.skip_writable(chain.writable_left()));
    push(std::move(chain), 0);
  }
  EXPECT_GT(taken, 100u);
  EXPECT_GT(refused, 100u);
}

}  // namespace
}  // namespace redoubt
