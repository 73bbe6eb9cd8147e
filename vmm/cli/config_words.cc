// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/config_words.h"

#include <utility>

#include "vmm/config/config_keys.h"

namespace redoubt::cli {

std::vector<ConfigWords> config_words() {
  std::vector<ConfigWords> all;
  for (const config::ConfigSection& section : config::config_sections()) {
    for (const config::ConfigKey& key : section.keys) {
      std::vector<std::string> values;
      for (const config::Choice& choice : key.choices) values.emplace_back(choice.name);
      if (key.type == config::KeyType::Boolean) values = {"true", "false"};
      if (key.allows_auto) values = {"auto"};
      all.push_back(
          {section.path_of(key), key.title, std::move(values), key.type == config::KeyType::Path});
    }
  }
  return all;
}

std::string any_item(std::string_view key) {
  const size_t bracket = key.find("[N]");
  std::string pattern(key.substr(0, bracket));
  if (bracket != std::string_view::npos) pattern.append("*").append(key.substr(bracket + 3));
  return pattern;
}

}  // namespace redoubt::cli
