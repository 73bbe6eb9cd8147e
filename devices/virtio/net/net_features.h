// SPDX-License-Identifier: Apache-2.0
//
// The feature bits of network devices (virtio 1.3, 5.1.3), as masks. "Guest" ones say what the
// driver can receive, "host" ones what the device can take.
#pragma once

#include <cstdint>

namespace redoubt::virtio {

inline constexpr uint64_t kNetCsum = uint64_t{1} << 0;       // VIRTIO_NET_F_CSUM
inline constexpr uint64_t kNetGuestCsum = uint64_t{1} << 1;  // VIRTIO_NET_F_GUEST_CSUM
inline constexpr uint64_t kNetMac = uint64_t{1} << 5;        // VIRTIO_NET_F_MAC
inline constexpr uint64_t kNetGuestTso4 = uint64_t{1} << 7;  // VIRTIO_NET_F_GUEST_TSO4
inline constexpr uint64_t kNetGuestTso6 = uint64_t{1} << 8;  // VIRTIO_NET_F_GUEST_TSO6
inline constexpr uint64_t kNetGuestEcn = uint64_t{1} << 9;   // VIRTIO_NET_F_GUEST_ECN
inline constexpr uint64_t kNetHostTso4 = uint64_t{1} << 11;  // VIRTIO_NET_F_HOST_TSO4
inline constexpr uint64_t kNetHostTso6 = uint64_t{1} << 12;  // VIRTIO_NET_F_HOST_TSO6
inline constexpr uint64_t kNetHostEcn = uint64_t{1} << 13;   // VIRTIO_NET_F_HOST_ECN
inline constexpr uint64_t kNetMrgRxbuf = uint64_t{1} << 15;  // VIRTIO_NET_F_MRG_RXBUF
inline constexpr uint64_t kNetStatus = uint64_t{1} << 16;    // VIRTIO_NET_F_STATUS
inline constexpr uint64_t kNetCtrlVq = uint64_t{1} << 17;    // VIRTIO_NET_F_CTRL_VQ
inline constexpr uint64_t kNetMq = uint64_t{1} << 22;        // VIRTIO_NET_F_MQ

// Checksums and segmentation, in both directions: what a backend has to do its part for.
inline constexpr uint64_t kNetOffloads = kNetCsum | kNetGuestCsum | kNetGuestTso4 | kNetGuestTso6 |
                                         kNetGuestEcn | kNetHostTso4 | kNetHostTso6 | kNetHostEcn;

}  // namespace redoubt::virtio
