// SPDX-License-Identifier: Apache-2.0
#include "vmm/config/config_text.h"

#include "vmm/config/config_keys.h"
#include "vmm/config/config_value.h"

namespace redoubt::config {

namespace {

// The keys of one item, each on a line.
std::string item_text(const ConfigSection& section, const VmConfig& config, size_t item) {
  const bool in_list = section.shape == Shape::List;
  const std::string indent = section.name.empty() ? "" : in_list ? "    " : "  ";
  std::string text;
  for (const ConfigKey& key : section.keys) {
    const auto value = format_value(key, key.value(config, item));
    if (!value) continue;
    text.append(in_list && text.empty() ? "  - " : indent);
    text.append(key.name).append(": ").append(*value).append("\n");
  }
  return text;
}

}  // namespace

std::string to_yaml(const VmConfig& config) {
  std::string text;
  for (const ConfigSection& section : config_sections()) {
    const size_t count = section.count(config);
    if (count == 0) continue;
    if (!section.name.empty()) text.append(section.name).append(":\n");
    for (size_t item = 0; item < count; ++item) text += item_text(section, config, item);
  }
  return text;
}

}  // namespace redoubt::config
