// SPDX-License-Identifier: Apache-2.0
//
// Little-endian fields of file headers.
#pragma once

#include <concepts>
#include <cstddef>
#include <span>

namespace redoubt::boot {

// The caller has checked that the field lies in `bytes`.
template <std::unsigned_integral Integer>
[[nodiscard]] constexpr Integer little_endian(std::span<const std::byte> bytes, size_t offset) {
  Integer value = 0;
  for (size_t i = sizeof(Integer); i-- > 0;) {
    value = static_cast<Integer>(value << 8) | std::to_integer<Integer>(bytes[offset + i]);
  }
  return value;
}

}  // namespace redoubt::boot
