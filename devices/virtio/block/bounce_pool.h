// SPDX-License-Identifier: Apache-2.0
//
// BouncePool: the host memory through which a disk's data passes between image and guest; all of it
// that the disk will ever have. It is handed out in chunks, the last one returned first, so that an
// idle disk's pages stay untouched.
//
// Contents are what the last user left. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace redoubt {

class BouncePool {
 public:
  // Large enough for the common request of 4 KiB, small enough to waste little on it.
  static constexpr uint32_t kChunkSize = 16384;

  explicit BouncePool(uint32_t chunks);  // throws std::system_error
  ~BouncePool();
  BouncePool(const BouncePool&) = delete;
  BouncePool& operator=(const BouncePool&) = delete;

  [[nodiscard]] size_t free_chunks() const { return free_.size(); }
  // At most as many as are free. A chunk is aligned to its size's divisors up to a page.
  void take(std::span<std::byte*> chunks);
  void give_back(std::span<std::byte* const> chunks);

  // A chunk that nobody has: zeros, to be written to an image and never to be changed.
  [[nodiscard]] std::byte* zeros() const { return memory_; }

 private:
  const size_t size_;
  std::byte* memory_ = nullptr;
  std::vector<std::byte*> free_;
};

}  // namespace redoubt
