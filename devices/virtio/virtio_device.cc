// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/virtio_device.h"

#include "devices/virtio/features.h"

namespace redoubt {

uint64_t VirtioDevice::queue_features() const {
  return virtio::kIndirectDesc | virtio::kEventIdx | virtio::kRingReset;
}

void VirtioDevice::write_config(uint32_t, std::span<const std::byte>) {
  // Most configuration spaces have no field that a driver may write.
}

}  // namespace redoubt
