// SPDX-License-Identifier: Apache-2.0
#include "vmm/config/config_keys.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "vmm/config/key_tables.h"

namespace redoubt::config {

namespace {

std::vector<ConfigSection> all_sections() {
  std::vector<ConfigSection> sections = machine_sections();
  std::vector<ConfigSection> devices = device_sections();
  std::move(devices.begin(), devices.end(), std::back_inserter(sections));
  return sections;
}

std::string dotted(std::string item, std::string_view key) {
  if (!item.empty() && !key.empty()) item += '.';
  return item.append(key);
}

}  // namespace

ConfigValue ConfigKey::value(const VmConfig& config, size_t item) const {
  ConfigValue held = get(config, item);
  const auto* text = std::get_if<std::string>(&held);
  if (text != nullptr && text->empty() && minimum > 0) return {};
  return held;
}

const ConfigKey* ConfigSection::find(std::string_view key) const {
  const auto found = std::find_if(keys.begin(), keys.end(),
                                  [key](const ConfigKey& each) { return each.name == key; });
  return found == keys.end() ? nullptr : &*found;
}

std::string ConfigSection::path_of(const ConfigKey& key) const {
  return dotted(std::string(name).append(shape == Shape::List ? "[N]" : ""), key.name);
}

std::span<const ConfigSection> config_sections() {
  static const std::vector<ConfigSection> sections = all_sections();
  return sections;
}

const ConfigSection* find_section(std::string_view name) {
  const auto sections = config_sections();
  const auto found =
      std::find_if(sections.begin(), sections.end(),
                   [name](const ConfigSection& section) { return section.name == name; });
  return found == sections.end() ? nullptr : &*found;
}

std::string KeyPath::text() const {
  std::string text(section->name);
  if (section->shape == Shape::List) text += "[" + std::to_string(item) + "]";
  return dotted(std::move(text), key == nullptr ? std::string_view() : key->name);
}

KeyPath KeyPath::with(std::string_view other_key) const {
  return {section, item, section->find(other_key)};
}

KeyPath key_path(std::string_view section, size_t item, std::string_view key) {
  const ConfigSection* found = find_section(section);
  return {found, item, found->find(key)};
}

}  // namespace redoubt::config
