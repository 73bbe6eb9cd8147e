// SPDX-License-Identifier: Apache-2.0
//
// What can follow --set, for completion scripts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace redoubt::cli {

struct ConfigWords {
  std::string_view key;  // "console.type"
  std::string_view title;
  std::vector<std::string> values;  // where there are few
  bool is_path;
};

[[nodiscard]] std::vector<ConfigWords> config_words();

}  // namespace redoubt::cli
