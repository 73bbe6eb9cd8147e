// SPDX-License-Identifier: Apache-2.0
//
// Keys as a user writes them, and what to say of those that do not exist.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/base/result.h"
#include "vmm/config/config_keys.h"

namespace redoubt::config {

// "cpus", "memory.size" or "disks[1].path", whether or not there is an item 1; or a section alone,
// "memory" or "disks". The error is in words that follow `text`.
[[nodiscard]] Result<KeyPath, std::string> parse_key_path(std::string_view text);

// The keys of a section; at the top, the other sections too.
[[nodiscard]] std::vector<std::string_view> names_in(const ConfigSection& section);

// What to say of `name`, which is no key of this item.
[[nodiscard]] std::string unknown_key(const KeyPath& item, std::string_view name);

}  // namespace redoubt::config
