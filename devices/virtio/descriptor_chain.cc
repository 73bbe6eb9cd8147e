// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/descriptor_chain.h"

#include <algorithm>
#include <utility>

namespace redoubt {

DescriptorChain::DescriptorChain(DescriptorChain&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)),
      head_(other.head_),
      epoch_(other.epoch_),
      buffers_(std::move(other.buffers_)),
      readable_(other.readable_),
      writable_(other.writable_) {}

DescriptorChain& DescriptorChain::operator=(DescriptorChain&& other) noexcept {
  DescriptorChain moved(std::move(other));
  // What this one held is let go with `moved`.
  std::swap(memory_, moved.memory_);
  std::swap(head_, moved.head_);
  std::swap(epoch_, moved.epoch_);
  std::swap(buffers_, moved.buffers_);
  std::swap(readable_, moved.readable_);
  std::swap(writable_, moved.writable_);
  return *this;
}

DescriptorChain::~DescriptorChain() {
  if (memory_ != nullptr) memory_->release(uint64_t{readable_.bytes} + writable_.bytes);
}

template <class Use>
Result<void, QueueError> DescriptorChain::advance(Part& part, uint32_t bytes, Use use) {
  if (bytes > part.bytes - part.done) return Unexpected(QueueError::BadRequest);
  uint32_t moved = 0;
  while (moved < bytes) {
    const Buffer& buffer = buffers_[part.first + part.buffer];
    const uint32_t size = std::min(bytes - moved, buffer.length - part.offset);
    TRY(use(GuestAddress(buffer.address.value() + part.offset), moved, size));
    moved += size;
    part.done += size;
    part.offset += size;
    if (part.offset == buffer.length) {
      ++part.buffer;
      part.offset = 0;
    }
  }
  return {};
}

Result<void, QueueError> DescriptorChain::read(std::span<std::byte> to) {
  if (to.size() > readable_left()) return Unexpected(QueueError::BadRequest);
  return advance(readable_, static_cast<uint32_t>(to.size()),
                 [&](GuestAddress from, uint32_t at, uint32_t size) {
                   return memory_->read(from, to.subspan(at, size));
                 });
}

Result<void, QueueError> DescriptorChain::write(std::span<const std::byte> from) {
  if (from.size() > writable_left()) return Unexpected(QueueError::BadRequest);
  return advance(writable_, static_cast<uint32_t>(from.size()),
                 [&](GuestAddress to, uint32_t at, uint32_t size) {
                   return memory_->write(to, from.subspan(at, size));
                 });
}

Result<void, QueueError> DescriptorChain::skip_readable(uint32_t bytes) {
  return advance(readable_, bytes,
                 [](GuestAddress, uint32_t, uint32_t) { return Result<void, QueueError>(); });
}

Result<void, QueueError> DescriptorChain::skip_writable(uint32_t bytes) {
  return advance(writable_, bytes,
                 [](GuestAddress, uint32_t, uint32_t) { return Result<void, QueueError>(); });
}

Result<void, QueueError> DescriptorChain::write_at(uint32_t offset,
                                                   std::span<const std::byte> from) {
  const Part position = writable_;
  writable_.done = 0;
  writable_.buffer = 0;
  writable_.offset = 0;
  Result<void, QueueError> result = skip_writable(offset);
  if (result) result = write(from);
  writable_ = position;
  return result;
}

}  // namespace redoubt
