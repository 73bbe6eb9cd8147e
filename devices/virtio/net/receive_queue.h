// SPDX-License-Identifier: Apache-2.0
//
// ReceiveQueue: one receive queue of a network device (virtio 1.3, 5.1.6.3 and 5.1.6.4), with the
// frame that is on its way to the driver. Buffers that were popped for it are held until a frame
// fills them.
//
// Used under the transport's work lock only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "devices/virtio/net/net_backend.h"
#include "devices/virtio/queue_error.h"
#include "devices/virtio/virtqueue.h"
#include "vmm/base/result.h"

namespace redoubt {

class ReceiveQueue {
 public:
  enum class Outcome {
    Delivered,
    TooLarge,   // for as many buffers as there can be; dropped
    NoBuffers,  // enough to hold it: try again when the driver has made more available
  };

  // Whether there is a buffer, for a frame that is still with the host. If not, the driver's next
  // one comes with a notification.
  [[nodiscard]] Result<bool, QueueError> has_buffer(Virtqueue& queue);

  [[nodiscard]] bool has_frame() const { return frame_.has_value(); }
  // The next frame to deliver. Its data must stay where it is until it has left.
  void take(const NetBackend::Frame& frame) { frame_ = frame; }

  // Puts the frame into one buffer, or with MRG_RXBUF into as many as it needs. Buffers that cannot
  // take a header are the driver's mistake.
  enum class Buffers { OneForEach, Mergeable };
  [[nodiscard]] Result<Outcome, QueueError> deliver(Virtqueue& queue, Buffers buffers);

  // Drops frame and buffers.
  void forget();

 private:
  // Holds one buffer more, if there is one.
  [[nodiscard]] Result<bool, QueueError> hold_next(Virtqueue& queue);
  // Fills and gives back the first `count` held buffers, which have room for the frame.
  [[nodiscard]] Result<void, QueueError> fill(Virtqueue& queue, size_t count);

  std::optional<NetBackend::Frame> frame_;
  std::vector<DescriptorChain> held_;  // at most as many as the queue has entries
  uint64_t held_bytes_ = 0;
};

}  // namespace redoubt
