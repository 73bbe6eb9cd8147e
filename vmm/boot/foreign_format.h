// SPDX-License-Identifier: Apache-2.0
//
// Files that people offer as a kernel and that are none this VMM boots, so that it can tell them
// what they have instead of running its first bytes as a flat binary.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace redoubt::boot {

struct ForeignFormat {
  // Enough of a file's beginning to recognise all of them.
  static constexpr size_t kBytesNeeded = 0x240;

  std::string_view what;    // "is …"
  std::string_view remedy;  // a sentence
};

[[nodiscard]] std::optional<ForeignFormat> recognise_foreign(
    std::span<const std::byte> first_bytes);

}  // namespace redoubt::boot
