// SPDX-License-Identifier: Apache-2.0
//
// The control queue of a network device (virtio 1.3, 5.1.6.5), as far as there is something to
// control: the number of pairs of queues in use (VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, 5.1.6.5.5).
#pragma once

#include <cstdint>
#include <functional>

#include "devices/virtio/queue_error.h"
#include "devices/virtio/virtqueue.h"
#include "vmm/base/result.h"

namespace redoubt {

// Puts a number of pairs, 1 to the maximum, into use; false if the host refused.
using SetPairs = std::function<Result<bool, QueueError>(uint16_t pairs)>;

// Answers every command in the queue; those that are not known here, with VIRTIO_NET_ERR. Inside
// VirtioTransport::run() or on_notify().
[[nodiscard]] Result<void, QueueError> serve_control_queue(Virtqueue& queue, uint16_t max_pairs,
                                                           const SetPairs& set_pairs);

// Which queue that is (5.1.2): it follows the pairs that the driver knows of.
[[nodiscard]] uint16_t control_queue_index(uint64_t negotiated, uint16_t max_pairs);

}  // namespace redoubt
