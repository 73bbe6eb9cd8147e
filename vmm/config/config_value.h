// SPDX-License-Identifier: Apache-2.0
//
// Single values of a configuration: from text, checked against the table of keys, and back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "vmm/base/result.h"
#include "vmm/config/config_keys.h"
#include "vmm/config/yaml_map.h"

namespace redoubt::config {

// The value of `key`, or what is wrong with it, in words that follow the name of the key. Paths are
// returned as they were written.
[[nodiscard]] Result<ConfigValue, std::string> parse_value(const ConfigKey& key,
                                                           const YamlValue& value);

// As one writes it in YAML; nothing for a value that is not there, such as no initrd.
[[nodiscard]] std::optional<std::string> format_value(const ConfigKey& key,
                                                      const ConfigValue& value);

// The word for the value of a key whose type is Choice.
[[nodiscard]] std::string choice_name(const ConfigKey& key, const ConfigValue& value);

// The key's default for people: "256MiB", or in words where it depends; empty if there is none.
[[nodiscard]] std::string default_text(const ConfigSection& section, const ConfigKey& key);

// What a text of this alphabet matches, as a regular expression that C++, JavaScript and Python
// understand alike.
[[nodiscard]] std::string_view pattern_of(Alphabet alphabet);

// "512MiB": the largest unit that holds `bytes` without a fraction.
[[nodiscard]] std::string format_size(uint64_t bytes);

// "52:54:00:12:34:56".
[[nodiscard]] std::string format_mac(uint64_t mac);

}  // namespace redoubt::config
