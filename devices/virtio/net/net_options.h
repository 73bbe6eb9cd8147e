// SPDX-License-Identifier: Apache-2.0
//
// What can be chosen about a virtio network device.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace redoubt {

enum class NetKind {
  Tap,    // a tap interface of the host
  Passt,  // a passt process of our own: no privileges, the host's connectivity
};

// Whether the kernel's vhost-net moves the packets of a tap: Auto takes it where the host has it.
enum class VhostUse { Auto, On, Off };

using MacAddress = std::array<uint8_t, 6>;

struct NetOptions {
  std::string name{};  // names the device, and makes its MAC address stable
  NetKind kind = NetKind::Passt;
  std::string tap{};        // Tap: the interface; made for the guest's life if it is not there
  std::optional<int> fd{};  // Tap: an open tap of a parent process, instead of a name
  std::optional<MacAddress> mac{};
  uint16_t queues = 1;  // Tap: pairs of queues, 1 to 8
  VhostUse vhost = VhostUse::Auto;

  bool operator==(const NetOptions&) const = default;
};

}  // namespace redoubt
