// SPDX-License-Identifier: Apache-2.0
#include "vmm/config/config_text.h"

#include <string_view>

#include "vmm/config/config_keys.h"
#include "vmm/config/config_value.h"

namespace redoubt::config {

std::string to_yaml(const VmConfig& config) {
  std::string text;
  std::string_view section;  // whose line has been written
  for (const ConfigKey& key : config_keys()) {
    const auto value = format_value(key, key.get(config));
    if (!value) continue;
    if (key.section() != section) {
      section = key.section();
      if (!section.empty()) text.append(section).append(":\n");
    }
    text.append(section.empty() ? "" : "  ").append(key.leaf());
    text.append(": ").append(*value).append("\n");
  }
  return text;
}

}  // namespace redoubt::config
