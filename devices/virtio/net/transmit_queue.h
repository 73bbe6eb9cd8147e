// SPDX-License-Identifier: Apache-2.0
//
// TransmitQueue: one transmit queue of a network device (virtio 1.3, 5.1.6.2), with the frame that
// is on its way to the host.
//
// Used under the transport's work lock only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "devices/virtio/net/net_header.h"
#include "devices/virtio/queue_error.h"
#include "devices/virtio/virtqueue.h"
#include "vmm/base/result.h"

namespace redoubt {

class TransmitQueue {
 public:
  enum class Taken {
    Frame,    // see header() and frame()
    Faulty,   // one that must not be sent; it is with the driver again
    Nothing,  // the driver's next one comes with a notification
  };

  // Copies the next frame out of guest memory. `features` as negotiated; `device` names the device
  // in messages. Not while there is a frame.
  [[nodiscard]] Result<Taken, QueueError> take(Virtqueue& queue, uint64_t features,
                                               std::string_view device);

  [[nodiscard]] bool has_frame() const { return chain_.has_value(); }
  [[nodiscard]] const NetHeader& header() const { return header_; }
  [[nodiscard]] std::span<const std::byte> frame() const {
    return std::span(buffer_).first(length_);
  }

  // The frame has left, or was dropped.
  [[nodiscard]] Result<void, QueueError> finish(Virtqueue& queue);

  void forget() { chain_.reset(); }

 private:
  std::optional<DescriptorChain> chain_;
  NetHeader header_;
  size_t length_ = 0;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(kMaxFrame);
};

}  // namespace redoubt
