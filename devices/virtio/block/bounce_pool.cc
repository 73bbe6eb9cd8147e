// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/block/bounce_pool.h"

#include <sys/mman.h>

#include "vmm/base/setup_error.h"

namespace redoubt {

BouncePool::BouncePool(uint32_t chunks) : size_((size_t{chunks} + 1) * kChunkSize) {
  free_.reserve(chunks);
  void* memory = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw_errno("mmap buffers of a disk");
  // A huge page would make the first small request take 2 MiB.
  ::madvise(memory, size_, MADV_NOHUGEPAGE);
  memory_ = static_cast<std::byte*>(memory);
  for (uint32_t i = chunks; i > 0; --i) free_.push_back(memory_ + size_t{i} * kChunkSize);
  // Reading them is all that is ever done.
  ::mprotect(memory_, kChunkSize, PROT_READ);
}

BouncePool::~BouncePool() { ::munmap(memory_, size_); }

void BouncePool::take(std::span<std::byte*> chunks) {
  for (std::byte*& chunk : chunks) {
    chunk = free_.back();
    free_.pop_back();
  }
}

void BouncePool::give_back(std::span<std::byte* const> chunks) {
  for (std::byte* chunk : chunks) free_.push_back(chunk);
}

}  // namespace redoubt
