// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/dma_memory.h"

#include <utility>

namespace redoubt {

namespace {

QueueError queue_error(MemoryError error) {
  switch (error) {
    case MemoryError::OutOfRange: return QueueError::OutOfRange;
    case MemoryError::Misaligned: return QueueError::Misaligned;
    case MemoryError::Inaccessible: break;
  }
  return QueueError::Inaccessible;
}

template <class T>
Result<T, QueueError> converted(Result<T, MemoryError> result) {
  if (!result) return Unexpected(queue_error(result.error()));
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return *result;
  }
}

}  // namespace

DmaMemory::DmaMemory(GuestMemory& memory, std::optional<GuestRange> window)
    : memory_(memory), window_(window) {}

Result<void, QueueError> DmaMemory::check(GuestAddress start, uint64_t size) const noexcept {
  if (!window_) return {};  // GuestMemory checks the rest
  const std::optional<GuestRange> range = GuestRange::make(start, size);
  if (!range || !window_->contains(*range)) return Unexpected(QueueError::OutOfRange);
  return {};
}

Result<void, QueueError> DmaMemory::read(GuestAddress from,
                                         std::span<std::byte> to) const noexcept {
  if (to.empty()) return {};
  TRY(check(from, to.size()));
  return converted(memory_.read(from, to));
}

Result<void, QueueError> DmaMemory::write(GuestAddress to,
                                          std::span<const std::byte> from) noexcept {
  if (from.empty()) return {};
  TRY(check(to, from.size()));
  return converted(memory_.write(to, from));
}

Result<uint16_t, QueueError> DmaMemory::load_u16(GuestAddress from) const noexcept {
  TRY(check(from, sizeof(uint16_t)));
  return converted(memory_.load_u16(from));
}

Result<uint16_t, QueueError> DmaMemory::load_acquire_u16(GuestAddress from) const noexcept {
  TRY(check(from, sizeof(uint16_t)));
  return converted(memory_.load_acquire_u16(from));
}

Result<void, QueueError> DmaMemory::store_release_u16(GuestAddress to, uint16_t value) noexcept {
  TRY(check(to, sizeof(uint16_t)));
  return converted(memory_.store_release_u16(to, value));
}

bool DmaMemory::contains(GuestRange range) const noexcept {
  return (!window_ || window_->contains(range)) && memory_.contains(range);
}

std::vector<MemorySlot> DmaMemory::slots() const {
  std::vector<MemorySlot> allowed;
  for (const MemorySlot& slot : memory_.slots()) {
    if (!window_ || window_->contains(slot.range)) allowed.push_back(slot);
  }
  return allowed;
}

void DmaMemory::hold(uint64_t bytes) noexcept {
  const uint64_t now = held_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  uint64_t peak = peak_.load(std::memory_order_relaxed);
  while (peak < now && !peak_.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
  }
}

void DmaMemory::release(uint64_t bytes) noexcept {
  held_.fetch_sub(bytes, std::memory_order_relaxed);
}

}  // namespace redoubt
