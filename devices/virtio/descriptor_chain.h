// SPDX-License-Identifier: Apache-2.0
//
// DescriptorChain: one request of a driver (virtio 1.3, 2.7.4.2): buffers that the device reads,
// followed by buffers that it writes. Its descriptors were read once and checked by
// Virtqueue::pop(); nothing here looks at the ring again.
//
// read() and write() go through the readable and the writable bytes from front to back, each with a
// position of its own. An error means that memory is gone or that the chain is too short
// (BadRequest); return it from the work, and the device fails.
//
// Move-only; give it back with Virtqueue::push(). One that is dropped stays with the device for
// good, as a driver sees it: that is for stop() alone. Used on one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "devices/virtio/dma_memory.h"
#include "devices/virtio/queue_error.h"
#include "vmm/base/result.h"
#include "vmm/memory/guest_address.h"

namespace redoubt {

class DescriptorChain {
 public:
  struct Buffer {
    GuestAddress address;
    uint32_t length;
  };

  DescriptorChain(DescriptorChain&& other) noexcept;
  DescriptorChain& operator=(DescriptorChain&& other) noexcept;
  ~DescriptorChain();

  // In all, wherever the positions are. Together below 4 GiB.
  [[nodiscard]] uint32_t readable_bytes() const { return readable_.bytes; }
  [[nodiscard]] uint32_t writable_bytes() const { return writable_.bytes; }

  // From the position on.
  [[nodiscard]] uint32_t readable_left() const { return readable_.bytes - readable_.done; }
  [[nodiscard]] uint32_t writable_left() const { return writable_.bytes - writable_.done; }

  // Moves exactly this many bytes. On an error the position does not say how many were moved.
  [[nodiscard]] Result<void, QueueError> read(std::span<std::byte> to);
  [[nodiscard]] Result<void, QueueError> write(std::span<const std::byte> from);
  [[nodiscard]] Result<void, QueueError> skip_readable(uint32_t bytes);
  [[nodiscard]] Result<void, QueueError> skip_writable(uint32_t bytes);

  // At a place of its own among the writable bytes; the position stays. For a header or a status
  // that is known only after what follows or precedes it.
  [[nodiscard]] Result<void, QueueError> write_at(uint32_t offset, std::span<const std::byte> from);

  template <class T>
  [[nodiscard]] Result<T, QueueError> read_object() {
    static_assert(std::is_trivially_copyable_v<T>);
    T object;
    TRY(read(std::as_writable_bytes(std::span(&object, 1))));
    return object;
  }
  template <class T>
  [[nodiscard]] Result<void, QueueError> write_object(const T& object) {
    static_assert(std::is_trivially_copyable_v<T>);
    return write(std::as_bytes(std::span(&object, 1)));
  }

 private:
  friend class Virtqueue;

  struct Part {
    size_t first = 0;  // in buffers_
    size_t count = 0;
    uint32_t bytes = 0;
    // The position: bytes gone through, the buffer it stands in, and where in that buffer.
    uint32_t done = 0;
    size_t buffer = 0;
    uint32_t offset = 0;
  };

  // Goes `bytes` on in `part`; use(address, bytes gone before, size) for each piece of a buffer.
  template <class Use>
  [[nodiscard]] Result<void, QueueError> advance(Part& part, uint32_t bytes, Use use);

  DescriptorChain(DmaMemory& memory, uint16_t head, uint64_t epoch)
      : memory_(&memory), head_(head), epoch_(epoch) {}

  DmaMemory* memory_;  // null once moved from
  uint16_t head_;
  uint64_t epoch_;               // of the queue when the chain was popped
  std::vector<Buffer> buffers_;  // readable ones first
  Part readable_;
  Part writable_;
};

}  // namespace redoubt
