// SPDX-License-Identifier: Apache-2.0
//
// The virtio socket device as its driver sees it (virtio 1.3, 5.10): numbers and layouts,
// little-endian.
#pragma once

#include <bit>
#include <cstdint>

namespace redoubt::virtio_vsock {

static_assert(std::endian::native == std::endian::little);

inline constexpr uint32_t kDeviceId = 19;  // VIRTIO_ID_VSOCK

inline constexpr uint64_t kStream = uint64_t{1} << 0;  // 5.10.3 VIRTIO_VSOCK_F_STREAM

// 5.10.2
inline constexpr uint16_t kReceiveQueue = 0;
inline constexpr uint16_t kTransmitQueue = 1;
inline constexpr uint16_t kEventQueue = 2;

inline constexpr uint64_t kHostCid = 2;  // 5.10.4

// 5.10.6
enum class Op : uint16_t {
  Invalid = 0,
  Request = 1,
  Response = 2,
  Rst = 3,
  Shutdown = 4,
  Rw = 5,
  CreditUpdate = 6,
  CreditRequest = 7,
};

inline constexpr uint16_t kTypeStream = 1;

// Flags of Op::Shutdown: what its sender will do no more.
inline constexpr uint32_t kShutdownReceive = 1;
inline constexpr uint32_t kShutdownSend = 2;
inline constexpr uint32_t kShutdownBoth = kShutdownReceive | kShutdownSend;

// struct virtio_vsock_hdr
struct [[gnu::packed]] Header {
  uint64_t src_cid;
  uint64_t dst_cid;
  uint32_t src_port;
  uint32_t dst_port;
  uint32_t len;  // of the payload
  uint16_t type;
  uint16_t op;
  uint32_t flags;
  uint32_t buf_alloc;  // the sender's receive buffer
  uint32_t fwd_cnt;    // bytes that have left that buffer so far, modulo 2^32
};
static_assert(sizeof(Header) == 44);

}  // namespace redoubt::virtio_vsock
