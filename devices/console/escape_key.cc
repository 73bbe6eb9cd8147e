// SPDX-License-Identifier: Apache-2.0
#include "devices/console/escape_key.h"

namespace redoubt {

namespace {

constexpr std::byte kCtrlA{0x01};

}  // namespace

size_t EscapeKey::filter(std::span<std::byte> typed) {
  size_t kept = 0;
  for (const std::byte byte : typed) {
    if (!escaped_) {
      escaped_ = byte == kCtrlA;
      if (!escaped_) typed[kept++] = byte;
      continue;
    }
    escaped_ = false;
    switch (std::to_integer<char>(byte)) {
      case '\x01':
      case 'a': typed[kept++] = kCtrlA; break;
      case 'x': commands_.quit(); break;
      default: commands_.help(); break;
    }
  }
  return kept;
}

}  // namespace redoubt
