// SPDX-License-Identifier: Apache-2.0
//
// The configuration space of a network device, struct virtio_net_config (virtio 1.3, 5.1.4), and
// the MAC address in it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "devices/virtio/net/net_options.h"

namespace redoubt {

// Bytes 0 to 5 mac, 6 and 7 status (VIRTIO_NET_S_LINK_UP), 8 and 9 max_virtqueue_pairs.
using NetConfigSpace = std::array<std::byte, 10>;

[[nodiscard]] NetConfigSpace net_config_space(const MacAddress& mac, uint16_t max_pairs);

// The one that was chosen; else one made of the two names, which is the same on every host and in
// every version: bits 0 to 47 of the 64-bit FNV-1a hash of "GUEST/NETWORK", most significant byte
// first, with the two lowest bits of the first byte set to 10 (binary): locally administered,
// unicast.
[[nodiscard]] MacAddress mac_for(std::string_view guest, const NetOptions& network);

}  // namespace redoubt
