// SPDX-License-Identifier: Apache-2.0
//
// The little of UTF-8 (RFC 3629) that a configuration needs.
#pragma once

#include <cstddef>
#include <string_view>

namespace redoubt::config {

// Length of the well-formed sequence that `text` starts with; 0 if there is none, because the text
// is empty, cut short, overlong, a surrogate or beyond U+10FFFF.
[[nodiscard]] size_t utf8_length(std::string_view text);

// Number of characters in `text`; each byte that belongs to none counts as one.
[[nodiscard]] size_t utf8_count(std::string_view text);

// True for what a line of text cannot hold: the C0 controls except the tab, and DEL.
[[nodiscard]] constexpr bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < ' ' && c != '\t') || c == '\x7f';
}

}  // namespace redoubt::config
