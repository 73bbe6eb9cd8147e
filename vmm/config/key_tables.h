// SPDX-License-Identifier: Apache-2.0
//
// The two halves of the table of keys. Everybody else reads the whole: config_sections().
#pragma once

#include <vector>

#include "vmm/config/config_keys.h"

namespace redoubt::config {

[[nodiscard]] std::vector<ConfigSection> machine_sections();
[[nodiscard]] std::vector<ConfigSection> device_sections();

}  // namespace redoubt::config
