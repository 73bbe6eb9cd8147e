// SPDX-License-Identifier: Apache-2.0
//
// What precedes each frame in a buffer of a network device, struct virtio_net_hdr (virtio 1.3,
// 5.1.6), and the rules for its fields. With VERSION_1 it always has num_buffers and 12 bytes. Tap
// interfaces of the host take and give the same structure.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace redoubt {

static_assert(std::endian::native == std::endian::little, "header fields are little-endian");

struct NetHeader {
  // Bits of flags.
  static constexpr uint8_t kNeedsCsum = 1;  // VIRTIO_NET_HDR_F_NEEDS_CSUM
  static constexpr uint8_t kDataValid = 2;  // VIRTIO_NET_HDR_F_DATA_VALID
  // Values of gso_type; kGsoEcn is a bit beside the others.
  static constexpr uint8_t kGsoNone = 0;    // VIRTIO_NET_HDR_GSO_NONE
  static constexpr uint8_t kGsoTcpV4 = 1;   // VIRTIO_NET_HDR_GSO_TCPV4
  static constexpr uint8_t kGsoTcpV6 = 4;   // VIRTIO_NET_HDR_GSO_TCPV6
  static constexpr uint8_t kGsoEcn = 0x80;  // VIRTIO_NET_HDR_GSO_ECN

  uint8_t flags = 0;
  uint8_t gso_type = kGsoNone;
  uint16_t hdr_len = 0;      // headers of a segmented frame, up to the end of TCP's
  uint16_t gso_size = 0;     // payload of each segment
  uint16_t csum_start = 0;   // offset in the frame
  uint16_t csum_offset = 0;  // of the checksum, from csum_start
  uint16_t num_buffers = 0;  // received frames only

  bool operator==(const NetHeader&) const = default;
};
static_assert(sizeof(NetHeader) == 12);

// Frames, without their header. The largest is an IP packet of 64 KiB with an Ethernet header and a
// VLAN tag.
inline constexpr uint32_t kMinFrame = 14;
inline constexpr uint32_t kMaxFrame = 65536 + 14 + 4;

// What is wrong with the header of a frame that a driver sends, of `length` bytes (5.1.6.2);
// nothing, if it is right. `features` as negotiated.
[[nodiscard]] std::optional<std::string_view> fault_of_sent(const NetHeader& header,
                                                            uint32_t length, uint64_t features);

// The header of a right frame with every field at 0 that its flags and gso_type give no meaning.
[[nodiscard]] NetHeader meaning_of_sent(const NetHeader& header);

// The header of a frame from the host as this driver may see it, but for num_buffers; nothing, if
// it asks for what the driver did not accept. That is so for frames that the host had queued for a
// driver before this one.
[[nodiscard]] std::optional<NetHeader> header_for_driver(const NetHeader& header,
                                                         uint64_t features);

}  // namespace redoubt
