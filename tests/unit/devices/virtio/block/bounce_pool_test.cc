// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/block/bounce_pool.h"

#include <array>
#include <cstring>
#include <set>

#include <gtest/gtest.h>

namespace redoubt {
namespace {

TEST(BouncePool, chunks_are_distinct_writable_and_aligned) {
  BouncePool pool(8);
  std::array<std::byte*, 8> chunks{};
  pool.take(chunks);
  EXPECT_EQ(pool.free_chunks(), 0U);
  EXPECT_EQ(std::set<std::byte*>(chunks.begin(), chunks.end()).size(), 8U);
  for (std::byte* chunk : chunks) {
    std::memset(chunk, 0x5a, BouncePool::kChunkSize);
    // SAFETY: only the address is looked at.
    EXPECT_EQ(reinterpret_cast<uintptr_t>(chunk) % 4096, 0U);
  }
  pool.give_back(chunks);
  EXPECT_EQ(pool.free_chunks(), 8U);
}

TEST(BouncePool, last_chunk_returned_is_the_next_one_taken) {
  BouncePool pool(8);
  std::array<std::byte*, 3> chunks{};
  pool.take(chunks);
  pool.give_back(chunks);
  std::array<std::byte*, 1> next{};
  pool.take(next);
  EXPECT_EQ(next[0], chunks[2]);
}

TEST(BouncePool, zeros_are_no_chunk_and_stay_zeros) {
  BouncePool pool(4);
  std::array<std::byte*, 4> chunks{};
  pool.take(chunks);
  for (std::byte* chunk : chunks) std::memset(chunk, 0xff, BouncePool::kChunkSize);
  for (uint32_t i = 0; i < BouncePool::kChunkSize; ++i) ASSERT_EQ(pool.zeros()[i], std::byte{0});
}

TEST(BouncePoolDeathTest, zeros_cannot_be_written) {
  const BouncePool pool(1);
  EXPECT_DEATH(std::memset(pool.zeros(), 1, 1), "");
}

}  // namespace
}  // namespace redoubt
