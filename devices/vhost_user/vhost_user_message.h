// SPDX-License-Identifier: Apache-2.0
//
// The messages of the vhost-user protocol that a front-end sends (QEMU's docs/interop/vhost-user,
// "Message Specification"), in the byte order of the machine. Only what this project uses.
#pragma once

#include <array>
#include <cstdint>

namespace redoubt::vhost_user {

enum class Request : uint32_t {
  GET_FEATURES = 1,
  SET_FEATURES = 2,
  SET_OWNER = 3,
  SET_MEM_TABLE = 5,
  SET_VRING_NUM = 8,
  SET_VRING_ADDR = 9,
  SET_VRING_BASE = 10,
  GET_VRING_BASE = 11,
  SET_VRING_KICK = 12,
  SET_VRING_CALL = 13,
  GET_PROTOCOL_FEATURES = 15,
  SET_PROTOCOL_FEATURES = 16,
  GET_QUEUE_NUM = 17,
  SET_VRING_ENABLE = 18,
};

struct Header {
  static constexpr uint32_t kVersion = 1;
  static constexpr uint32_t kReply = 1 << 2;
  static constexpr uint32_t kNeedReply = 1 << 3;

  uint32_t request;
  uint32_t flags;
  uint32_t size;  // of the payload
};
static_assert(sizeof(Header) == 12);

// Payloads.
struct VringState {
  uint32_t index;
  uint32_t value;
};
static_assert(sizeof(VringState) == 8);

struct VringAddress {
  uint32_t index;
  uint32_t flags;
  uint64_t descriptor_table;
  uint64_t used_ring;
  uint64_t available_ring;
  uint64_t log;
};
static_assert(sizeof(VringAddress) == 40);

struct MemoryTable {
  uint32_t region_count;
  uint32_t padding;
  uint64_t guest_address;
  uint64_t size;
  uint64_t user_address;
  uint64_t offset;  // in the file that comes with it
};
static_assert(sizeof(MemoryTable) == 40);

// VHOST_USER_F_PROTOCOL_FEATURES, beside the features of virtio.
inline constexpr uint64_t kProtocolFeatures = uint64_t{1} << 30;
// Protocol features.
inline constexpr uint64_t kMq = uint64_t{1} << 0;
inline constexpr uint64_t kReplyAck = uint64_t{1} << 3;

}  // namespace redoubt::vhost_user
