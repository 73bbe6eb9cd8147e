// SPDX-License-Identifier: Apache-2.0
//
// A configuration as text: what `redoubt check` prints, and the schema for editors.
#pragma once

#include <string>

#include "vmm/config/vm_config.h"

namespace redoubt::config {

// YAML with every default filled in, which loads as the same configuration.
[[nodiscard]] std::string to_yaml(const VmConfig& config);

// The same as JSON: sizes in bytes, null for what is not there and for auto.
[[nodiscard]] std::string to_json(const VmConfig& config);

// The JSON Schema (2020-12) of a configuration file: configs/redoubt.schema.json.
[[nodiscard]] std::string json_schema();

}  // namespace redoubt::config
