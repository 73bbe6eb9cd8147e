// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/descriptor_chain.h"

#include <cstdint>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/devices/virtio/queue_fixture.h"

namespace redoubt {
namespace {

using ::testing::IsEmpty;

class DescriptorChainTest : public QueueFixture {};

QueueError error_of(const Result<void, QueueError>& result) { return result.error(); }

TEST_F(DescriptorChainTest, reads_go_on_where_the_last_one_ended) {
  driver.chain().readable("abc").readable("d").readable("efgh").submit(0);
  DescriptorChain chain = pop();
  std::string all;
  for (const size_t size : {2u, 0u, 3u, 3u}) {
    std::vector<std::byte> bytes(size);
    ASSERT_TRUE(chain.read(bytes));
    all += text_of(bytes) + ",";
  }
  EXPECT_EQ(all, "ab,,cde,fgh,");
  EXPECT_EQ(chain.readable_left(), 0u);
  EXPECT_EQ(chain.readable_bytes(), 8u);
}

TEST_F(DescriptorChainTest, writes_go_on_where_the_last_one_ended) {
  const FakeRequest request =
      driver.chain().readable("x").writable(3).writable(1).writable(4).submit(0);
  DescriptorChain chain = pop();
  for (const std::string_view piece : {"12", "", "345", "6"}) {
    ASSERT_TRUE(chain.write(std::as_bytes(std::span(piece))));
  }
  EXPECT_EQ(chain.writable_left(), 2u);
  EXPECT_EQ(text_of(driver.written(request)), "123456\xa5\xa5");
}

// Every way to cut a request into buffers and accesses gives the same bytes.
TEST_F(DescriptorChainTest, bytes_do_not_depend_on_how_they_are_cut) {
  const std::string text = "0123456789";
  for (uint32_t first = 1; first < 9; ++first) {
    for (uint32_t second = 1; first + second < 10; ++second) {
      for (uint32_t access = 1; access <= 10; ++access) {
        start_over();
        driver.chain()
            .readable(text.substr(0, first))
            .readable(text.substr(first, second))
            .readable(text.substr(first + second))
            .submit(0);
        DescriptorChain chain = pop();
        std::string all;
        while (chain.readable_left() > 0) {
          std::vector<std::byte> bytes(std::min(access, chain.readable_left()));
          ASSERT_TRUE(chain.read(bytes));
          all += text_of(bytes);
        }
        ASSERT_EQ(all, text);
      }
    }
  }
}

TEST_F(DescriptorChainTest, reading_more_than_there_is_is_a_bad_request) {
  driver.chain().readable("abc").writable(3).submit(0);
  DescriptorChain chain = pop();
  std::vector<std::byte> bytes(4);
  EXPECT_EQ(error_of(chain.read(bytes)), QueueError::BadRequest);
  EXPECT_EQ(error_of(chain.write(bytes)), QueueError::BadRequest);
  EXPECT_EQ(error_of(chain.skip_readable(4)), QueueError::BadRequest);
  EXPECT_EQ(error_of(chain.skip_writable(0xffff'ffff)), QueueError::BadRequest);
  EXPECT_EQ(chain.read_object<uint32_t>().error(), QueueError::BadRequest);
  EXPECT_EQ(chain.readable_left(), 3u);
  EXPECT_EQ(chain.writable_left(), 3u);
}

TEST_F(DescriptorChainTest, skipped_bytes_are_not_moved) {
  const FakeRequest request = driver.chain().readable("abcdef").writable(2).writable(4).submit(0);
  DescriptorChain chain = pop();
  ASSERT_TRUE(chain.skip_readable(4));
  ASSERT_TRUE(chain.skip_writable(3));
  EXPECT_EQ(chain.read_object<uint16_t>().value(), 'e' | 'f' << 8);
  ASSERT_TRUE(chain.write_object(uint16_t{'x' | 'y' << 8}));
  EXPECT_EQ(text_of(driver.written(request)), "\xa5\xa5\xa5xy\xa5");
}

TEST_F(DescriptorChainTest, write_at_leaves_the_position) {
  const FakeRequest request = driver.chain().writable(2).writable(4).submit(0);
  DescriptorChain chain = pop();
  ASSERT_TRUE(chain.write_object('a'));
  ASSERT_TRUE(chain.write_at(1, std::as_bytes(std::span("12", 2))));
  ASSERT_TRUE(chain.write_at(5, std::as_bytes(std::span("9", 1))));
  EXPECT_EQ(chain.writable_left(), 5u);
  EXPECT_EQ(error_of(chain.write_at(5, std::as_bytes(std::span("99", 2)))), QueueError::BadRequest);
  EXPECT_EQ(error_of(chain.write_at(7, {})), QueueError::BadRequest);
  ASSERT_TRUE(chain.write_object('b'));
  EXPECT_EQ(text_of(driver.written(request)),
            "ab2\xa5\xa5"
            "9");
}

TEST_F(DescriptorChainTest, buffers_may_reach_across_pages) {
  const GuestRange range = driver.allocate(3 * 4096);
  const FakeRequest request =
      driver.chain().writable_at(GuestAddress(range.start().value() + 4000), 8000).submit(0);
  DescriptorChain chain = pop();
  ASSERT_TRUE(chain.write(std::vector(8000, std::byte{'z'})));
  EXPECT_EQ(text_of(driver.written(request)), std::string(8000, 'z'));
}

TEST_F(DescriptorChainTest, dropped_chain_lets_go_of_its_memory_and_is_not_used) {
  driver.chain().writable(64).submit(0);
  { const DescriptorChain dropped = pop(); }
  EXPECT_EQ(driver.memory().held(), 0u);
  EXPECT_THAT(driver.used(0), IsEmpty());
}

TEST_F(DescriptorChainTest, chain_that_is_assigned_over_lets_go_of_its_memory) {
  driver.chain().writable(64).submit(0);
  driver.chain().writable(8).submit(0);
  DescriptorChain chain = pop();
  chain = pop();
  EXPECT_EQ(driver.memory().held(), 8u);
  EXPECT_EQ(chain.writable_bytes(), 8u);
}

// --- Epochs: what was popped before a reset has no effect after it

TEST_F(DescriptorChainTest, chain_of_an_earlier_queue_is_dropped_by_push) {
  const FakeRequest request = driver.chain().writable(8).submit(0);
  DescriptorChain old = pop();
  driver.reset_queue(0);
  auto next = Virtqueue::create(driver.memory(), driver.layout(0), kAllQueueFeatures, 2).value();
  const FakeRequest again = driver.chain().writable(8).submit(0);
  ASSERT_EQ(request.head, again.head);
  auto current = next.pop().value();
  ASSERT_TRUE(current.has_value());

  ASSERT_TRUE(next.push(std::move(old), 8));

  EXPECT_THAT(driver.used(0), IsEmpty());
  EXPECT_FALSE(next.take_interrupt_wanted().value());
  EXPECT_EQ(driver.memory().held(), 8u);  // the current one's
  driver.make_available(0, again.head);
  EXPECT_EQ(next.pop().error(), QueueError::HeadInFlight);  // still
}

TEST_F(DescriptorChainTest, chain_of_an_earlier_queue_is_dropped_by_undo) {
  driver.chain().writable(8).submit(0);
  DescriptorChain old = pop();
  driver.reset_queue(0);
  auto next = Virtqueue::create(driver.memory(), driver.layout(0), kAllQueueFeatures, 2).value();
  next.undo_pop(std::move(old));
  EXPECT_EQ(next.available().value(), 0);
  EXPECT_EQ(driver.memory().held(), 0u);
}

}  // namespace
}  // namespace redoubt
