// SPDX-License-Identifier: Apache-2.0
//
// What can follow --set, for completion scripts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace redoubt::cli {

struct ConfigWords {
  std::string key;  // "console.type"; "disks[N].path", where a number stands for N
  std::string_view title;
  std::vector<std::string> values;  // where there are few
  bool is_path;
};

[[nodiscard]] std::vector<ConfigWords> config_words();

// The key with `*` instead of an index: a pattern that shells match keys of any item with.
[[nodiscard]] std::string any_item(std::string_view key);

}  // namespace redoubt::cli
