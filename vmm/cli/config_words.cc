// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/config_words.h"

#include <utility>

#include "vmm/config/config_keys.h"

namespace redoubt::cli {

std::vector<ConfigWords> config_words() {
  std::vector<ConfigWords> all;
  for (const config::ConfigKey& key : config::config_keys()) {
    std::vector<std::string> values;
    for (const config::Choice& choice : key.choices) values.emplace_back(choice.name);
    if (key.type == config::KeyType::Boolean) values = {"true", "false"};
    if (key.allows_auto) values = {"auto"};
    all.push_back({key.path, key.title, std::move(values), key.type == config::KeyType::Path});
  }
  return all;
}

}  // namespace redoubt::cli
