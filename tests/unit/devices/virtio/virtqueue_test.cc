// SPDX-License-Identifier: Apache-2.0
//
// A virtqueue under an honest driver.
#include "devices/virtio/virtqueue.h"

#include <cstdint>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/devices/virtio/queue_fixture.h"

namespace redoubt {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class VirtqueueTest : public QueueFixture {};

TEST_F(VirtqueueTest, queue_without_requests_is_empty) { EXPECT_TRUE(is_empty()); }

TEST_F(VirtqueueTest, request_has_the_bytes_that_the_driver_put_there) {
  driver.chain().readable("front").readable("back").writable(100).writable(28).submit(0);

  DescriptorChain chain = pop();

  EXPECT_EQ(chain.readable_bytes(), 9u);
  EXPECT_EQ(chain.writable_bytes(), 128u);
  std::vector<std::byte> bytes(9);
  ASSERT_TRUE(chain.read(bytes));
  EXPECT_EQ(text_of(bytes), "frontback");
}

TEST_F(VirtqueueTest, used_request_carries_its_head_and_the_bytes_written) {
  const FakeRequest first = driver.chain().readable("a").submit(0);
  const FakeRequest second = driver.chain().writable(8).submit(0);

  DescriptorChain first_chain = pop();
  DescriptorChain second_chain = pop();
  push(std::move(second_chain), 8);
  push(std::move(first_chain), 0);

  EXPECT_NE(first.head, second.head);
  EXPECT_THAT(driver.used(0), ElementsAre(Used{second.head, 8}, Used{first.head, 0}));
}

TEST_F(VirtqueueTest, requests_come_in_the_order_they_were_made_available) {
  driver.chain().readable("1").submit(0);
  driver.chain().readable("2").submit(0);
  driver.chain().readable("3").submit(0);

  std::string order;
  for (int i = 0; i < 3; ++i) order += static_cast<char>(pop().read_object<uint8_t>().value());

  EXPECT_EQ(order, "123");
  EXPECT_TRUE(is_empty());
}

TEST_F(VirtqueueTest, available_counts_what_was_not_popped) {
  EXPECT_EQ(queue->available().value(), 0);
  driver.chain().readable("1").submit(0);
  driver.chain().readable("2").submit(0);
  EXPECT_EQ(queue->available().value(), 2);
  (void)pop();
  EXPECT_EQ(queue->available().value(), 1);
}

TEST_F(VirtqueueTest, pop_that_was_undone_comes_again) {
  driver.chain().readable("1").submit(0);
  driver.chain().readable("2").submit(0);
  queue->undo_pop(pop());
  EXPECT_EQ(queue->available().value(), 2);
  EXPECT_EQ(pop().read_object<char>().value(), '1');
  EXPECT_EQ(pop().read_object<char>().value(), '2');
}

TEST_F(VirtqueueTest, indirect_table_is_a_request_like_any_other) {
  const FakeRequest request =
      driver.chain().indirect().readable("in").readable("direct").writable(4).submit(0);

  DescriptorChain chain = pop();

  std::vector<std::byte> bytes(8);
  ASSERT_TRUE(chain.read(bytes));
  EXPECT_EQ(text_of(bytes), "indirect");
  ASSERT_TRUE(chain.write(std::vector(4, std::byte{'x'})));
  push(std::move(chain), 4);
  EXPECT_EQ(text_of(driver.written(request)), "xxxx");
  EXPECT_THAT(driver.used(0), ElementsAre(Used{request.head, 4}));
}

TEST_F(VirtqueueTest, indirect_table_may_follow_ordinary_descriptors) {
  // 2.7.5.3.2: zero or more ordinary descriptors, then a single indirect one.
  const GuestRange table = driver.allocate(32);
  const GuestRange buffers = driver.allocate(64);
  const uint64_t address = buffers.start().value();
  const std::vector<FakeDescriptor> entries = {{address, 4, kDescNext, 1},
                                               {address, 16, kDescWrite, 0}};
  driver.write(table.start(), std::as_bytes(std::span(entries)));
  driver.chain()
      .readable("head")
      .descriptor({table.start().value(), 32, kDescIndirect, 0})
      .submit(0);

  const DescriptorChain chain = pop();

  EXPECT_EQ(chain.readable_bytes(), 8u);
  EXPECT_EQ(chain.writable_bytes(), 16u);
}

TEST_F(VirtqueueTest, write_flag_of_an_indirect_descriptor_is_ignored) {
  const GuestRange table = driver.allocate(16);
  const std::vector<FakeDescriptor> entries = {{table.start().value(), 4, 0, 0}};
  driver.write(table.start(), std::as_bytes(std::span(entries)));
  driver.chain().descriptor({table.start().value(), 16, kDescIndirect | kDescWrite, 0}).submit(0);
  EXPECT_EQ(pop().readable_bytes(), 4u);
}

TEST_F(VirtqueueTest, chain_as_long_as_the_queue_is_taken) {
  auto chain = driver.chain();
  for (int i = 0; i < kSize; ++i) chain.writable(1);
  chain.submit(0);
  EXPECT_EQ(pop().writable_bytes(), kSize);
}

TEST_F(VirtqueueTest, memory_is_held_from_the_pop_to_the_push) {
  driver.chain().readable("12345678").writable(92).submit(0);
  DescriptorChain chain = pop();
  EXPECT_EQ(driver.memory().held(), 100u);
  push(std::move(chain), 0);
  EXPECT_EQ(driver.memory().held(), 0u);
  EXPECT_EQ(driver.memory().peak_held(), 100u);
}

// --- Turns

TEST_F(VirtqueueTest, turn_ends_after_a_bounded_number_of_requests) {
  const GuestAddress buffer = driver.allocate(1).start();
  queue->begin_turn();
  int served = 0;
  while (true) {  // a driver that makes a request for each one served
    driver.chain().writable_at(buffer, 1).submit(0);
    auto chain = queue->pop().value();
    if (!chain) break;
    ++served;
    push(std::move(*chain), 1);
    (void)driver.used(0);
  }
  EXPECT_EQ(served, Virtqueue::kPopsPerTurn);
  EXPECT_TRUE(queue->turn_cut_short());
  EXPECT_EQ(queue->available().value(), 1);
}

TEST_F(VirtqueueTest, turn_that_took_everything_was_not_cut_short) {
  driver.chain().writable(1).submit(0);
  (void)pop();
  EXPECT_TRUE(is_empty());
  EXPECT_FALSE(queue->turn_cut_short());
}

TEST_F(VirtqueueTest, pop_that_was_undone_does_not_count) {
  driver.chain().writable(1).submit(0);
  queue->begin_turn();
  for (int i = 0; i < 3 * Virtqueue::kPopsPerTurn; ++i) {
    auto chain = queue->pop().value();
    ASSERT_TRUE(chain.has_value()) << i;
    queue->undo_pop(std::move(*chain));
  }
}

// --- Notifications, with EVENT_IDX

TEST_F(VirtqueueTest, empty_pop_asks_for_a_notification_of_the_next_request) {
  driver.chain().writable(1).submit(0);
  (void)pop();
  EXPECT_EQ(driver.available_event(0), 0);
  EXPECT_TRUE(is_empty());
  EXPECT_EQ(driver.available_event(0), 1);
  EXPECT_EQ(driver.used_flags(0), 0);
}

TEST_F(VirtqueueTest, driver_is_interrupted_when_its_event_is_passed) {
  driver.set_used_event(0, 1);  // after the second entry
  for (int i = 0; i < 3; ++i) driver.chain().writable(1).submit(0);

  std::vector<bool> wanted;
  for (int i = 0; i < 3; ++i) {
    push(pop(), 0);
    wanted.push_back(queue->take_interrupt_wanted().value());
  }

  EXPECT_THAT(wanted, ElementsAre(false, true, false));
}

TEST_F(VirtqueueTest, event_inside_a_batch_interrupts) {
  driver.set_used_event(0, 1);
  for (int i = 0; i < 3; ++i) driver.chain().writable(1).submit(0);
  for (int i = 0; i < 3; ++i) push(pop(), 0);
  EXPECT_TRUE(queue->take_interrupt_wanted().value());
}

TEST_F(VirtqueueTest, nothing_pushed_means_no_interrupt) {
  EXPECT_FALSE(queue->take_interrupt_wanted().value());
  driver.chain().writable(1).submit(0);
  push(pop(), 0);
  EXPECT_TRUE(queue->take_interrupt_wanted().value());
  EXPECT_FALSE(queue->take_interrupt_wanted().value());
}

TEST_F(VirtqueueTest, no_interrupt_flag_is_ignored_with_event_idx) {
  driver.set_available_flags(0, 1);
  driver.chain().writable(1).submit(0);
  push(pop(), 0);
  EXPECT_TRUE(queue->take_interrupt_wanted().value());
}

// Class 23: the free-running indices go round more than once, and neither a request, nor an
// interrupt, nor a notification gets lost where they do.
TEST_F(VirtqueueTest, indices_wrap_around_without_losing_anything) {
  constexpr uint32_t kRequests = 2 * 65536 + 1000;
  const GuestAddress buffer = driver.allocate(4).start();
  for (uint32_t i = 0; i < kRequests; ++i) {
    driver.set_used_event(0, static_cast<uint16_t>(i));
    const FakeRequest request = driver.chain().writable_at(buffer, 4).submit(0);
    DescriptorChain chain = pop();
    ASSERT_TRUE(chain.write_object(i));
    push(std::move(chain), 4);
    ASSERT_TRUE(queue->take_interrupt_wanted().value()) << i;
    ASSERT_TRUE(is_empty()) << i;
    ASSERT_EQ(driver.available_event(0), static_cast<uint16_t>(i + 1));
    ASSERT_THAT(driver.used(0), ElementsAre(Used{request.head, 4})) << i;
  }
}

TEST_F(VirtqueueTest, event_on_the_other_side_of_the_wrap_is_seen) {
  const GuestAddress buffer = driver.allocate(1).start();
  const auto serve = [&](int count) {
    for (int i = 0; i < count; ++i) {
      driver.chain().writable_at(buffer, 1).submit(0);
      push(pop(), 0);
      (void)driver.used(0);
    }
    return queue->take_interrupt_wanted().value();
  };
  for (int i = 0; i < 65534; ++i) (void)serve(1);  // next entry: 65534
  driver.set_used_event(0, 2);
  EXPECT_FALSE(serve(4));  // 65534, 65535, 0, 1
  EXPECT_TRUE(serve(1));   // 2
  driver.set_used_event(0, 2);
  EXPECT_FALSE(serve(3));  // passed already
}

// --- Notifications, without EVENT_IDX

class PlainVirtqueueTest : public QueueFixture {
 protected:
  PlainVirtqueueTest() : QueueFixture(0) {}
};

TEST_F(PlainVirtqueueTest, driver_is_silenced_while_requests_are_taken) {
  driver.chain().writable(1).submit(0);
  driver.chain().writable(1).submit(0);
  (void)pop();
  EXPECT_EQ(driver.used_flags(0), 1);
  (void)pop();
  EXPECT_TRUE(is_empty());
  EXPECT_EQ(driver.used_flags(0), 0);
}

TEST_F(PlainVirtqueueTest, every_push_interrupts_unless_the_driver_declines) {
  driver.chain().writable(1).submit(0);
  driver.chain().writable(1).submit(0);
  push(pop(), 0);
  EXPECT_TRUE(queue->take_interrupt_wanted().value());
  driver.set_available_flags(0, 1);
  push(pop(), 0);
  EXPECT_FALSE(queue->take_interrupt_wanted().value());
}

TEST_F(PlainVirtqueueTest, event_fields_are_left_alone) {
  driver.set_used_event(0, 7);  // not passed for long
  driver.chain().writable(1).submit(0);
  push(pop(), 0);
  EXPECT_TRUE(is_empty());
  EXPECT_TRUE(queue->take_interrupt_wanted().value());
  EXPECT_EQ(driver.available_event(0), 0);
}

// --- All memory

class UnprotectedVirtqueueTest : public QueueFixture {
 protected:
  UnprotectedVirtqueueTest() : QueueFixture(kAllQueueFeatures, FakeDriver::Memory::Plain) {}
};

TEST_F(UnprotectedVirtqueueTest, device_may_use_memory_outside_a_window) {
  driver.chain().writable_at(driver.outside(), 4).submit(0);
  DescriptorChain chain = pop();
  ASSERT_TRUE(chain.write_object(uint32_t{0x1234}));
  EXPECT_EQ(driver.guest_memory().read_object<uint32_t>(driver.outside()).value(), 0x1234u);
}

}  // namespace
}  // namespace redoubt
