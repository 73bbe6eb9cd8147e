// SPDX-License-Identifier: Apache-2.0
#include "vmm/config/utf8.h"

#include <algorithm>
#include <cstdint>

namespace redoubt::config {

size_t utf8_length(std::string_view text) {
  if (text.empty()) return 0;
  const auto byte = [text](size_t index) { return static_cast<uint8_t>(text[index]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return 1;

  size_t length = 0;
  uint32_t smallest = 0;  // anything below is overlong
  if ((first & 0xe0) == 0xc0) {
    length = 2;
    smallest = 0x80;
  } else if ((first & 0xf0) == 0xe0) {
    length = 3;
    smallest = 0x800;
  } else if ((first & 0xf8) == 0xf0) {
    length = 4;
    smallest = 0x1'0000;
  }
  if (length == 0 || text.size() < length) return 0;

  uint32_t character = first & (0x7fU >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    character = character << 6 | (byte(i) & 0x3fU);
  }
  const bool surrogate = character >= 0xd800 && character < 0xe000;
  return character < smallest || surrogate || character > 0x10'ffff ? 0 : length;
}

size_t utf8_count(std::string_view text) {
  size_t count = 0;
  while (!text.empty()) {
    text.remove_prefix(std::max<size_t>(utf8_length(text), 1));
    ++count;
  }
  return count;
}

}  // namespace redoubt::config
