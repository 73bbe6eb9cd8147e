// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/net/transmit_queue.h"

#include <utility>

#include "vmm/base/log.h"

namespace redoubt {

Result<TransmitQueue::Taken, QueueError> TransmitQueue::take(Virtqueue& queue, uint64_t features,
                                                             std::string_view device) {
  std::optional<DescriptorChain> chain = TRY(queue.pop());
  if (!chain) return Taken::Nothing;
  if (chain->readable_bytes() < sizeof(NetHeader) || chain->writable_bytes() != 0) {
    return Unexpected(QueueError::BadRequest);
  }
  const auto header = TRY(chain->read_object<NetHeader>());
  const uint32_t length = chain->readable_left();
  if (const auto fault = fault_of_sent(header, length, features)) {
    static log::RateLimit limit;
    log::guest(limit, "{}: a frame of {} bytes is not sent: {}", device, length, *fault);
    TRY(queue.push(std::move(*chain), 0));
    return Taken::Faulty;
  }
  TRY(chain->read(std::span(buffer_).first(length)));
  header_ = meaning_of_sent(header);
  length_ = length;
  chain_ = std::move(chain);
  return Taken::Frame;
}

Result<void, QueueError> TransmitQueue::finish(Virtqueue& queue) {
  DescriptorChain chain = std::move(*chain_);
  chain_.reset();
  return queue.push(std::move(chain), 0);
}

}  // namespace redoubt
