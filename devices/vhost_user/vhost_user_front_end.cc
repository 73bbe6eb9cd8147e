// SPDX-License-Identifier: Apache-2.0
#include "devices/vhost_user/vhost_user_front_end.h"

#include <vector>

#include "devices/virtio/features.h"

namespace redoubt {

using vhost_user::Request;

Result<void, VhostUserError> VhostUserFrontEnd::agree(uint16_t queues,
                                                      std::chrono::milliseconds patience) {
  channel_.set_deadline(VhostUserChannel::Clock::now() + patience);
  TRY(channel_.set(Request::SET_OWNER));
  const auto features = TRY(channel_.get<uint64_t>(Request::GET_FEATURES));
  constexpr uint64_t kNeeded = vhost_user::kProtocolFeatures | virtio::kVersion1;
  if ((features & kNeeded) != kNeeded) return Unexpected(VhostUserError::Unsuitable);
  offered_ = features & ~vhost_user::kProtocolFeatures;

  const auto protocol = TRY(channel_.get<uint64_t>(Request::GET_PROTOCOL_FEATURES));
  constexpr uint64_t kUsed = vhost_user::kReplyAck | vhost_user::kMq;
  if ((protocol & kUsed) != kUsed) return Unexpected(VhostUserError::Unsuitable);
  TRY(channel_.set(Request::SET_PROTOCOL_FEATURES, kUsed));
  channel_.expect_acknowledgements();
  const auto served = TRY(channel_.get<uint64_t>(Request::GET_QUEUE_NUM));
  if (served < queues) return Unexpected(VhostUserError::Unsuitable);
  return {};
}

bool VhostUserFrontEnd::can_share(const DmaMemory& memory) {
  return memory.fd() && memory.slots().size() == 1;
}

Result<void, VhostUserError> VhostUserFrontEnd::begin(uint64_t negotiated,
                                                      const DmaMemory& memory) {
  channel_.set_deadline(VhostUserChannel::Clock::now() + kPatience);
  // ACCESS_PLATFORM asks the guest to share what it names; to a back-end it would mean that we
  // translate addresses on request.
  const uint64_t features =
      (negotiated & offered_ & ~virtio::kAccessPlatform) | vhost_user::kProtocolFeatures;
  TRY(channel_.set(Request::SET_FEATURES, features));
  const MemorySlot slot = memory.slots().front();
  const uint64_t start = slot.range.start().value();
  const vhost_user::MemoryTable table{.region_count = 1,
                                      .padding = 0,
                                      .guest_address = start,
                                      .size = slot.range.size(),
                                      .user_address = start,
                                      .offset = 0};
  return channel_.set(Request::SET_MEM_TABLE, table, memory.fd());
}

Result<void, VhostUserError> VhostUserFrontEnd::start_ring(uint16_t index, const Ring& ring) {
  using vhost_user::VringState;
  const vhost_user::VringAddress address{.index = index,
                                         .flags = 0,
                                         .descriptor_table = ring.layout.descriptor_table.value(),
                                         .used_ring = ring.layout.used_ring.value(),
                                         .available_ring = ring.layout.available_ring.value(),
                                         .log = 0};
  // The number of a ring, in the low byte; bit 8 would say that no descriptor comes with it.
  const uint64_t with_fd = index;
  TRY(channel_.set(Request::SET_VRING_NUM, VringState{index, ring.layout.size}));
  TRY(channel_.set(Request::SET_VRING_BASE, VringState{index, 0}));
  TRY(channel_.set(Request::SET_VRING_ADDR, address));
  TRY(channel_.set(Request::SET_VRING_CALL, with_fd, ring.call));
  TRY(channel_.set(Request::SET_VRING_KICK, with_fd, ring.kick));
  return channel_.set(Request::SET_VRING_ENABLE, VringState{index, 1});
}

Result<void, VhostUserError> VhostUserFrontEnd::stop_rings(uint16_t rings) {
  channel_.set_deadline(VhostUserChannel::Clock::now() + kPatience);
  for (uint16_t i = 0; i < rings; ++i) {
    const vhost_user::VringState ring{i, 0};
    const auto stopped = TRY(channel_.get<vhost_user::VringState>(
        Request::GET_VRING_BASE, std::as_bytes(std::span(&ring, 1))));
    if (stopped.index != i) return Unexpected(VhostUserError::NotAnswer);
  }
  return {};
}

}  // namespace redoubt
