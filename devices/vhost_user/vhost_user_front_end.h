// SPDX-License-Identifier: Apache-2.0
//
// VhostUserFrontEnd: lets a back-end in another process serve the rings of a virtio device. It is
// given the memory that devices may use, as one memfd, and eventfds; no address of this process:
// what the protocol calls user addresses are the guest's own.
//
// One thread at a time; an exchange with the back-end waits for it no longer than kPatience.
#pragma once

#include <chrono>
#include <cstdint>

#include "devices/vhost_user/vhost_user_channel.h"
#include "devices/virtio/dma_memory.h"
#include "devices/virtio/virtqueue.h"
#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"

namespace redoubt {

class VhostUserFrontEnd {
 public:
  // For start() or stop() as a whole, on the loop's thread or a vCPU's.
  static constexpr std::chrono::seconds kPatience{2};

  struct Ring {
    QueueLayout layout;
    BorrowedFd kick;
    BorrowedFd call;
  };

  // `socket` is connected to the back-end.
  explicit VhostUserFrontEnd(UniqueFd socket) : channel_(std::move(socket)) {}

  // Once, first: agrees on the protocol, for `queues` rings. Unsuitable, if the back-end does not
  // acknowledge requests, does not know virtio 1, or serves fewer queues. The program may have to
  // start first, so this has its own time.
  [[nodiscard]] Result<void, VhostUserError> agree(uint16_t queues,
                                                   std::chrono::milliseconds patience);

  // What the back-end offers, of the features of virtio.
  [[nodiscard]] uint64_t features() const { return offered_; }

  // `memory` is one slot with a memfd: see can_share(). `negotiated` as the driver has it.
  [[nodiscard]] Result<void, VhostUserError> begin(uint64_t negotiated, const DmaMemory& memory);
  [[nodiscard]] Result<void, VhostUserError> start_ring(uint16_t index, const Ring& ring);
  // The back-end has stopped using the first `rings` rings and their memory when this succeeds.
  [[nodiscard]] Result<void, VhostUserError> stop_rings(uint16_t rings);

  // Whether devices' memory can be handed to another process.
  [[nodiscard]] static bool can_share(const DmaMemory& memory);

  [[nodiscard]] VhostUserChannel& channel() { return channel_; }

 private:
  VhostUserChannel channel_;
  uint64_t offered_ = 0;
};

}  // namespace redoubt
