// SPDX-License-Identifier: Apache-2.0
//
// Packets of a hostile guest's vsock driver.
#pragma once

#include <cstddef>
#include <cstdint>

#include "devices/virtio/vsock/vsock_packet.h"

namespace redoubt::hostile {

inline constexpr uint32_t kGuestCid = 3;
inline constexpr uint32_t kGuestPort = 5000;
inline constexpr uint32_t kHostPort = 1234;
inline constexpr uint32_t kVsockOpOffset = offsetof(virtio_vsock::Header, op);

inline virtio_vsock::Header vsock_header(virtio_vsock::Op op) {
  return {.src_cid = kGuestCid,
          .dst_cid = virtio_vsock::kHostCid,
          .src_port = kGuestPort,
          .dst_port = kHostPort,
          .len = 0,
          .type = virtio_vsock::kTypeStream,
          .op = static_cast<uint16_t>(op),
          .flags = 0,
          .buf_alloc = 65536,
          .fwd_cnt = 0};
}

}  // namespace redoubt::hostile
