// SPDX-License-Identifier: Apache-2.0
//
// Ties keys and sections of the table to members of VmConfig:
//
//   bound<&VmConfig::disks, &BlockOptions::path>({.name = "path", …})
//
// The first member is the section's, unless it is the only one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "vmm/config/config_keys.h"

namespace redoubt::config {

// A member's value as the table has it, and back.
inline ConfigValue to_value(const std::string& text) { return text; }
inline ConfigValue to_value(bool flag) { return flag; }
inline ConfigValue to_value(Protection protection) { return protection == Protection::Protected; }
inline ConfigValue to_value(const std::filesystem::path& path) {
  return path.empty() ? ConfigValue() : ConfigValue(path.string());
}
inline ConfigValue to_value(const MacAddress& mac) {
  uint64_t number = 0;
  for (const uint8_t byte : mac) number = number << 8 | byte;
  return number;
}
template <class T>
requires std::is_enum_v<T> || std::is_integral_v<T> ConfigValue to_value(T number) {
  return static_cast<uint64_t>(number);
}
template <class T>
ConfigValue to_value(const std::optional<T>& held) {
  return held ? to_value(*held) : ConfigValue();
}

inline void from_value(const ConfigValue& value, std::string& text) {
  text = std::get<std::string>(value);
}
inline void from_value(const ConfigValue& value, bool& flag) { flag = std::get<bool>(value); }
inline void from_value(const ConfigValue& value, Protection& protection) {
  protection = std::get<bool>(value) ? Protection::Protected : Protection::Unprotected;
}
inline void from_value(const ConfigValue& value, std::filesystem::path& path) {
  path = std::get<std::string>(value);
}
inline void from_value(const ConfigValue& value, MacAddress& mac) {
  const uint64_t number = std::get<uint64_t>(value);
  for (size_t i = 0; i < mac.size(); ++i) mac[i] = static_cast<uint8_t>(number >> (40 - 8 * i));
}
template <class T>
requires std::is_enum_v<T> || std::is_integral_v<T>
void from_value(const ConfigValue& value, T& number) {
  number = static_cast<T>(std::get<uint64_t>(value));
}
template <class T>
void from_value(const ConfigValue& value, std::optional<T>& held) {
  held.reset();
  if (!std::holds_alternative<std::monostate>(value)) from_value(value, held.emplace());
}

// The item of a section.
template <class T>
T& item_of(T& map, size_t /*item*/) {
  return map;
}
template <class T>
T& item_of(std::optional<T>& map, size_t /*item*/) {
  return *map;
}
template <class T>
const T& item_of(const std::optional<T>& map, size_t /*item*/) {
  return *map;
}
template <class T>
T& item_of(std::vector<T>& list, size_t item) {
  return list[item];
}
template <class T>
const T& item_of(const std::vector<T>& list, size_t item) {
  return list[item];
}

template <auto First, auto... Rest>
auto& member_of(auto& config, size_t item) {
  if constexpr (sizeof...(Rest) == 0) {
    return config.*First;
  } else {
    return (item_of(config.*First, item).*....*Rest);
  }
}

template <auto... Members>
ConfigKey bound(ConfigKey key) {
  key.get = [](const VmConfig& config, size_t item) {
    return to_value(member_of<Members...>(config, item));
  };
  key.set = [](VmConfig& config, size_t item, const ConfigValue& value) {
    from_value(value, member_of<Members...>(config, item));
  };
  return key;
}

inline ConfigSection map_section(ConfigSection section) {
  section.count = [](const VmConfig&) { return size_t{1}; };
  section.resize = [](VmConfig&, size_t) {};
  return section;
}

template <auto Member>
ConfigSection optional_section(ConfigSection section) {
  section.count = [](const VmConfig& config) { return size_t{(config.*Member).has_value()}; };
  section.resize = [](VmConfig& config, size_t count) {
    (config.*Member).reset();
    if (count != 0) (config.*Member).emplace();
  };
  return section;
}

template <auto Member>
ConfigSection list_section(ConfigSection section) {
  section.count = [](const VmConfig& config) { return (config.*Member).size(); };
  section.resize = [](VmConfig& config, size_t count) { (config.*Member).resize(count); };
  return section;
}

}  // namespace redoubt::config
