// SPDX-License-Identifier: Apache-2.0
//
// contains(): whether a part is in a text.
#pragma once

#include <string_view>

namespace redoubt {

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace redoubt
