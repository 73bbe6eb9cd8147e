// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/net/net_config.h"

#include <algorithm>

#include <fmt/format.h>

namespace redoubt {

namespace {

constexpr uint16_t kLinkUp = 1;  // VIRTIO_NET_S_LINK_UP

// FNV-1a, 64 bits.
uint64_t hash_of(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char character : text) {
    hash ^= static_cast<uint8_t>(character);
    hash *= 0x100000001b3;
  }
  return hash;
}

void put_u16(NetConfigSpace& space, size_t offset, uint16_t value) {
  space.at(offset) = static_cast<std::byte>(value);
  space.at(offset + 1) = static_cast<std::byte>(value >> 8);
}

}  // namespace

NetConfigSpace net_config_space(const MacAddress& mac, uint16_t max_pairs) {
  NetConfigSpace space{};
  std::transform(mac.begin(), mac.end(), space.begin(),
                 [](uint8_t byte) { return std::byte{byte}; });
  put_u16(space, 6, kLinkUp);
  put_u16(space, 8, max_pairs);
  return space;
}

MacAddress mac_for(std::string_view guest, const NetOptions& network) {
  if (network.mac) return *network.mac;
  const uint64_t hash = hash_of(fmt::format("{}/{}", guest, network.name));
  MacAddress mac{};
  for (size_t i = 0; i < mac.size(); ++i) mac.at(i) = static_cast<uint8_t>(hash >> (40 - 8 * i));
  mac[0] = static_cast<uint8_t>((mac[0] & 0xfc) | 0x02);
  return mac;
}

}  // namespace redoubt
