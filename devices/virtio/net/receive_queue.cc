// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/net/receive_queue.h"

#include <algorithm>
#include <utility>

namespace redoubt {

Result<bool, QueueError> ReceiveQueue::has_buffer(Virtqueue& queue) {
  return !held_.empty() || TRY(hold_next(queue));
}

Result<bool, QueueError> ReceiveQueue::hold_next(Virtqueue& queue) {
  std::optional<DescriptorChain> chain = TRY(queue.pop());
  if (!chain) return false;
  // 5.1.6.3.1: room for a header at least, in each of them.
  if (chain->readable_bytes() != 0 || chain->writable_bytes() < sizeof(NetHeader)) {
    return Unexpected(QueueError::BadRequest);
  }
  held_bytes_ += chain->writable_bytes();
  held_.push_back(std::move(*chain));
  return true;
}

Result<ReceiveQueue::Outcome, QueueError> ReceiveQueue::deliver(Virtqueue& queue, Buffers buffers) {
  const uint64_t needed = sizeof(NetHeader) + frame_->data.size();
  const size_t most = buffers == Buffers::Mergeable ? queue.layout().size : 1;
  while (held_bytes_ < needed && held_.size() < most) {
    if (!TRY(hold_next(queue))) return Outcome::NoBuffers;
  }
  if (held_bytes_ < needed) {
    frame_.reset();
    return Outcome::TooLarge;
  }
  size_t count = 0;
  for (uint64_t room = 0; room < needed; ++count) room += held_[count].writable_bytes();
  TRY(fill(queue, count));
  frame_.reset();
  return Outcome::Delivered;
}

Result<void, QueueError> ReceiveQueue::fill(Virtqueue& queue, size_t count) {
  NetHeader header = frame_->header;
  header.num_buffers = static_cast<uint16_t>(count);
  TRY(held_.front().write_object(header));
  std::span<const std::byte> rest = frame_->data;
  for (size_t i = 0; i < count; ++i) {
    const size_t size = std::min<size_t>(rest.size(), held_[i].writable_left());
    TRY(held_[i].write(rest.first(size)));
    rest = rest.subspan(size);
  }
  // Only now that everything is written, num_buffers too: a buffer given back is the driver's.
  for (size_t i = 0; i < count; ++i) {
    held_bytes_ -= held_[i].writable_bytes();
    const uint32_t written = held_[i].writable_bytes() - held_[i].writable_left();
    TRY(queue.push(std::move(held_[i]), written));
  }
  held_.erase(held_.begin(), held_.begin() + static_cast<ptrdiff_t>(count));
  return {};
}

void ReceiveQueue::forget() {
  frame_.reset();
  held_.clear();
  held_bytes_ = 0;
}

}  // namespace redoubt
