// SPDX-License-Identifier: Apache-2.0
//
// The feature bits that belong to the queues and the transport (virtio 1.3, 6), as masks. Those of
// a type of device stand beside the device.
#pragma once

#include <cstdint>

namespace redoubt::virtio {

inline constexpr uint64_t kIndirectDesc = uint64_t{1} << 28;    // VIRTIO_F_INDIRECT_DESC
inline constexpr uint64_t kEventIdx = uint64_t{1} << 29;        // VIRTIO_F_EVENT_IDX
inline constexpr uint64_t kVersion1 = uint64_t{1} << 32;        // VIRTIO_F_VERSION_1
inline constexpr uint64_t kAccessPlatform = uint64_t{1} << 33;  // VIRTIO_F_ACCESS_PLATFORM
inline constexpr uint64_t kRingReset = uint64_t{1} << 40;       // VIRTIO_F_RING_RESET

}  // namespace redoubt::virtio
