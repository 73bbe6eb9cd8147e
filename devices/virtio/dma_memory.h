// SPDX-License-Identifier: Apache-2.0
//
// DmaMemory: the guest memory that devices may use. For a protected guest that is the DMA window
// and nothing else; for another it is all memory. Every address that a driver names goes through
// here.
//
// Thread-safe as GuestMemory is. Both arguments of the constructor outlive the object.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "devices/virtio/queue_error.h"
#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"
#include "vmm/memory/guest_address.h"
#include "vmm/memory/guest_memory.h"

namespace redoubt {

class DmaMemory {
 public:
  // With a window, addresses outside it are OutOfRange although the guest has memory there.
  DmaMemory(GuestMemory& memory, std::optional<GuestRange> window);

  [[nodiscard]] Result<void, QueueError> read(GuestAddress from,
                                              std::span<std::byte> to) const noexcept;
  [[nodiscard]] Result<void, QueueError> write(GuestAddress to,
                                               std::span<const std::byte> from) noexcept;

  template <class T>
  [[nodiscard]] Result<T, QueueError> read_object(GuestAddress from) const noexcept {
    static_assert(std::is_trivially_copyable_v<T>);
    T object;
    TRY(read(from, std::as_writable_bytes(std::span(&object, 1))));
    return object;
  }
  template <class T>
  [[nodiscard]] Result<void, QueueError> write_object(GuestAddress to, const T& object) noexcept {
    static_assert(std::is_trivially_copyable_v<T>);
    return write(to, std::as_bytes(std::span(&object, 1)));
  }

  // See GuestMemory for what the orders promise.
  [[nodiscard]] Result<uint16_t, QueueError> load_u16(GuestAddress from) const noexcept;
  [[nodiscard]] Result<uint16_t, QueueError> load_acquire_u16(GuestAddress from) const noexcept;
  [[nodiscard]] Result<void, QueueError> store_release_u16(GuestAddress to,
                                                           uint16_t value) noexcept;

  // Whether devices may use the whole range. Says nothing about access.
  [[nodiscard]] bool contains(GuestRange range) const noexcept;

  // For a backend in the kernel or in another process: the slots it may address, and the memfd
  // behind them where they have one.
  [[nodiscard]] std::vector<MemorySlot> slots() const;
  [[nodiscard]] std::optional<BorrowedFd> fd() const { return memory_.dma_window_fd(); }

  // Buffers that devices hold, in bytes: what drivers have given and not got back. The peak says
  // how much of the window was in use at once.
  void hold(uint64_t bytes) noexcept;
  void release(uint64_t bytes) noexcept;
  [[nodiscard]] uint64_t held() const noexcept { return held_.load(); }
  [[nodiscard]] uint64_t peak_held() const noexcept { return peak_.load(); }
  [[nodiscard]] const std::optional<GuestRange>& window() const { return window_; }

 private:
  // OutOfRange unless the range lies in the window, if there is one. `size` is not 0.
  [[nodiscard]] Result<void, QueueError> check(GuestAddress start, uint64_t size) const noexcept;

  // Constant after construction.
  GuestMemory& memory_;
  const std::optional<GuestRange> window_;
  // Any thread; counters that order nothing else.
  std::atomic<uint64_t> held_ = 0;
  std::atomic<uint64_t> peak_ = 0;
};

}  // namespace redoubt
