// SPDX-License-Identifier: Apache-2.0
//
// ConfigDraft: what a file and the --set options say, key by key and each with its place, before it
// becomes a VmConfig. Whoever checks the result reports what is wrong here.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/config/config_error.h"
#include "vmm/config/config_keys.h"
#include "vmm/config/vm_config.h"
#include "vmm/config/yaml_map.h"

namespace redoubt::config {

class ConfigDraft {
 public:
  // `text` is that of the file, which messages call `source`. Both must outlive the draft.
  ConfigDraft(std::string_view source, std::string_view text);

  // Relative paths start from `folder`. Call once, before the overrides.
  void read_file(const std::filesystem::path& folder);
  // "key=value"; later ones win.
  void read_override(std::string_view option);
  // Writes all that was given into `config`, and reports required keys that were not.
  void assemble(VmConfig& config);

  // About a key of an item that exists, or such an item, at its place or where one would expect it.
  void report(const KeyPath& path, const std::string& message);
  void throw_if_any() { errors_.throw_if_any(); }

  [[nodiscard]] bool given(const KeyPath& path) const { return at(path).from != From::Nowhere; }
  [[nodiscard]] bool overridden(const KeyPath& path) const {
    return at(path).from == From::Override;
  }
  // Given, but wrong; that has been reported.
  [[nodiscard]] bool refused(const KeyPath& path) const;

 private:
  enum class From { Nowhere, File, Override };

  struct Given {
    From from = From::Nowhere;
    Mark mark;                         // of the value in the file
    std::optional<ConfigValue> value;  // nothing: it has been refused
  };

  struct Item {
    From from = From::Nowhere;
    Mark mark;             // in the file
    bool refused = false;  // what should be a map is none
    std::vector<Given> keys;
  };

  void read_section(const ConfigSection& section, const YamlEntry& entry);
  void read_item(const KeyPath& item, const YamlValue& map);
  void set(const KeyPath& path, const std::string& value);
  void clear(const ConfigSection& section);
  void take_value(const KeyPath& path, const YamlValue& value, From from,
                  const std::filesystem::path& folder);

  Item new_item(const ConfigSection& section, From from, Mark mark) const;
  std::vector<Item>& items(const ConfigSection& section);
  [[nodiscard]] const Item& item(const KeyPath& path) const;
  [[nodiscard]] const Given& at(const KeyPath& path) const;
  Given& at(const KeyPath& path);

  std::string_view text_;
  ErrorList errors_;
  std::vector<std::vector<Item>> items_;  // of each of config_sections()
  std::filesystem::path folder_;
};

}  // namespace redoubt::config
