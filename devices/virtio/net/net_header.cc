// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/net/net_header.h"

#include "devices/virtio/net/net_features.h"

namespace redoubt {

namespace {

constexpr uint32_t kChecksumSize = 2;

struct GsoFeatures {
  uint64_t tcp_v4;
  uint64_t tcp_v6;
  uint64_t ecn;
};
constexpr GsoFeatures kSent{virtio::kNetHostTso4, virtio::kNetHostTso6, virtio::kNetHostEcn};
constexpr GsoFeatures kReceived{virtio::kNetGuestTso4, virtio::kNetGuestTso6, virtio::kNetGuestEcn};

// Whether frames with this gso_type, other than NONE, may pass.
bool segmentation_accepted(uint8_t gso_type, const GsoFeatures& needed, uint64_t features) {
  if ((gso_type & NetHeader::kGsoEcn) != 0 && (features & needed.ecn) == 0) return false;
  switch (gso_type & ~NetHeader::kGsoEcn) {
    case NetHeader::kGsoTcpV4: return (features & needed.tcp_v4) != 0;
    case NetHeader::kGsoTcpV6: return (features & needed.tcp_v6) != 0;
    default: return false;
  }
}

}  // namespace

std::optional<std::string_view> fault_of_sent(const NetHeader& header, uint32_t length,
                                              uint64_t features) {
  if (length < kMinFrame) return "it is shorter than an Ethernet header";
  if (length > kMaxFrame) return "it is too long";
  const bool needs_csum = (header.flags & NetHeader::kNeedsCsum) != 0;
  if (needs_csum) {
    if ((features & virtio::kNetCsum) == 0) return "it needs a checksum, which was not negotiated";
    if (uint32_t{header.csum_start} + header.csum_offset + kChecksumSize > length) {
      return "its checksum lies beyond its end";
    }
  }
  if (header.gso_type == NetHeader::kGsoNone) return std::nullopt;
  if (!segmentation_accepted(header.gso_type, kSent, features)) {
    return "it needs a kind of segmentation that was not negotiated";
  }
  if (!needs_csum) return "it needs segmentation but no checksum";
  if (header.gso_size == 0) return "its segments are empty";
  if (header.hdr_len > length) return "its headers reach beyond its end";
  return std::nullopt;
}

NetHeader meaning_of_sent(const NetHeader& header) {
  NetHeader meaning;
  if ((header.flags & NetHeader::kNeedsCsum) != 0) {
    meaning.flags = NetHeader::kNeedsCsum;
    meaning.csum_start = header.csum_start;
    meaning.csum_offset = header.csum_offset;
  }
  if (header.gso_type != NetHeader::kGsoNone) {
    meaning.gso_type = header.gso_type;
    meaning.gso_size = header.gso_size;
    meaning.hdr_len = header.hdr_len;
  }
  return meaning;
}

std::optional<NetHeader> header_for_driver(const NetHeader& header, uint64_t features) {
  NetHeader seen = header;
  seen.num_buffers = 0;
  if ((features & virtio::kNetGuestCsum) == 0) {
    if ((header.flags & NetHeader::kNeedsCsum) != 0) return std::nullopt;
    seen.flags = 0;
  }
  if (header.gso_type != NetHeader::kGsoNone &&
      !segmentation_accepted(header.gso_type, kReceived, features)) {
    return std::nullopt;
  }
  return seen;
}

}  // namespace redoubt
