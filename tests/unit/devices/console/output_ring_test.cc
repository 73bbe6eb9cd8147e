// SPDX-License-Identifier: Apache-2.0
#include "devices/console/output_ring.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/devices/console/support.h"

namespace redoubt {
namespace {

std::string peek(const OutputRing& ring, size_t size, OutputRing::Chunk* chunk = nullptr) {
  std::vector<std::byte> out(size);
  const OutputRing::Chunk found = ring.peek(out);
  if (chunk != nullptr) *chunk = found;
  return text_of(std::span(out).first(found.size));
}

TEST(OutputRing, new_ring_is_empty) {
  const OutputRing ring(4);
  EXPECT_EQ(ring.size(), 0u);
  EXPECT_EQ(peek(ring, 4), "");
}

TEST(OutputRing, bytes_come_out_in_order_and_stay_until_consumed) {
  OutputRing ring(8);
  EXPECT_EQ(ring.push(bytes_of("abcd")), 0u);
  EXPECT_EQ(peek(ring, 2), "ab");
  EXPECT_EQ(peek(ring, 8), "abcd");
  OutputRing::Chunk chunk{};
  peek(ring, 2, &chunk);
  ring.consume(chunk, 2);
  EXPECT_EQ(peek(ring, 8), "cd");
}

TEST(OutputRing, chunk_can_be_consumed_in_part) {
  OutputRing ring(8);
  ring.push(bytes_of("abcd"));
  OutputRing::Chunk chunk{};
  peek(ring, 4, &chunk);
  ring.consume(chunk, 1);
  EXPECT_EQ(peek(ring, 8), "bcd");
}

TEST(OutputRing, newest_bytes_push_out_the_oldest) {
  OutputRing ring(4);
  EXPECT_EQ(ring.push(bytes_of("abc")), 0u);
  EXPECT_EQ(ring.push(bytes_of("def")), 2u);
  EXPECT_EQ(peek(ring, 4), "cdef");
}

TEST(OutputRing, push_of_more_than_its_capacity_keeps_the_end) {
  OutputRing ring(4);
  ring.push(bytes_of("x"));
  EXPECT_EQ(ring.push(bytes_of("0123456789")), 7u);
  EXPECT_EQ(peek(ring, 4), "6789");
}

TEST(OutputRing, consuming_what_was_overwritten_meanwhile_takes_nothing_else) {
  OutputRing ring(4);
  ring.push(bytes_of("abcd"));
  OutputRing::Chunk chunk{};
  peek(ring, 2, &chunk);
  ring.push(bytes_of("efg"));

  ring.consume(chunk, 2);

  EXPECT_EQ(peek(ring, 4), "defg");
}

TEST(OutputRing, clear_empties) {
  OutputRing ring(4);
  ring.push(bytes_of("abc"));
  ring.clear();
  EXPECT_EQ(ring.size(), 0u);
  ring.push(bytes_of("d"));
  EXPECT_EQ(peek(ring, 4), "d");
}

TEST(OutputRing, bytes_that_were_taken_are_told_from_those_that_only_made_room) {
  OutputRing ring(4);
  std::array<std::byte, 3> taken;
  ring.push(bytes_of("abcd"));
  const OutputRing::Chunk chunk = ring.peek(taken);
  // Makes room of all that was peeked, and of one byte more.
  EXPECT_EQ(ring.push(bytes_of("efgh")), 4u);
  EXPECT_EQ(ring.consume(chunk, 3), 3u);
  EXPECT_EQ(ring.size(), 4u);
}

TEST(OutputRing, of_what_was_taken_in_part_only_that_part_was_not_lost) {
  OutputRing ring(4);
  std::array<std::byte, 3> taken;
  ring.push(bytes_of("abcd"));
  const OutputRing::Chunk chunk = ring.peek(taken);
  EXPECT_EQ(ring.push(bytes_of("ef")), 2u);
  EXPECT_EQ(ring.consume(chunk, 1), 1u);
  EXPECT_EQ(ring.size(), 4u);
  EXPECT_EQ(ring.consume({chunk.position, 3}, 3), 2u);
  EXPECT_EQ(ring.size(), 3u);
}

}  // namespace
}  // namespace redoubt
