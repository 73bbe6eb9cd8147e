// SPDX-License-Identifier: Apache-2.0
#include "vmm/config/unknown_key.h"

#include <charconv>
#include <optional>

#include "vmm/config/nearest_name.h"

namespace redoubt::config {

namespace {

// The parts of "disks[1].path"; a part that is not there is empty.
struct Parts {
  std::string_view section;
  std::optional<std::string_view> index;  // between brackets
  std::string_view key;
};

Parts parts_of(std::string_view text) {
  const size_t dot = text.find('.');
  Parts parts{text.substr(0, dot), {}, dot == std::string_view::npos ? "" : text.substr(dot + 1)};
  const size_t bracket = parts.section.find('[');
  if (bracket != std::string_view::npos && parts.section.ends_with(']')) {
    parts.index = parts.section.substr(bracket + 1, parts.section.size() - bracket - 2);
    parts.section = parts.section.substr(0, bracket);
  }
  return parts;
}

std::optional<size_t> number(std::string_view text) {
  size_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

// The key somewhere else whose name is near to the last part of `name`.
std::optional<std::string> near_elsewhere(std::string_view name) {
  std::vector<std::string_view> names;
  for (const ConfigSection& section : config_sections()) {
    for (const ConfigKey& key : section.keys) names.push_back(key.name);
  }
  const auto nearest = nearest_name(name.substr(name.rfind('.') + 1), names);
  if (!nearest) return std::nullopt;
  for (const ConfigSection& section : config_sections()) {
    if (const ConfigKey* key = section.find(*nearest); key != nullptr) return section.path_of(*key);
  }
  return std::nullopt;
}

std::optional<std::string> near_at_top(std::string_view name) {
  std::vector<std::string> paths;
  for (const ConfigSection& section : config_sections()) {
    const bool whole = !section.name.empty() && name.find('.') == std::string_view::npos;
    if (whole) paths.emplace_back(section.name);
    for (const ConfigKey& key : section.keys) paths.push_back(section.path_of(key));
  }
  const std::vector<std::string_view> views(paths.begin(), paths.end());
  const auto nearest = nearest_name(name, views);
  return nearest ? std::optional<std::string>(*nearest) : std::nullopt;
}

std::optional<std::string> near_in(const KeyPath& item, std::string_view name) {
  if (item.section->name.empty()) return near_at_top(name);
  const auto nearest = nearest_name(name, names_in(*item.section));
  return nearest ? std::optional<std::string>(item.with(*nearest).text()) : std::nullopt;
}

}  // namespace

Result<KeyPath, std::string> parse_key_path(std::string_view text) {
  const KeyPath top = key_path("", 0);
  if (const ConfigKey* key = top.section->find(text); key != nullptr) {
    return KeyPath{top.section, 0, key};
  }
  const Parts parts = parts_of(text);
  const ConfigSection* section = parts.section.empty() ? nullptr : find_section(parts.section);
  if (section == nullptr) return Unexpected(unknown_key(top, text));
  const bool is_list = section->shape == Shape::List;
  const std::string name(section->name);
  if (parts.index && !is_list) return Unexpected(name + " is no list: it takes no index");
  if (!parts.index && parts.key.empty() && !text.ends_with('.')) return KeyPath{section};
  if (!parts.index && is_list) {
    const std::string_view key = parts.key.empty() ? section->keys.front().name : parts.key;
    return Unexpected(name + " is a list: write " + name + "[0]." + std::string(key));
  }
  KeyPath path{section};
  if (parts.index) {
    const auto index = number(*parts.index);
    if (!index)
      return Unexpected("expected a number between the brackets, such as " + name + "[0]");
    path.item = *index;
  }
  if (parts.key.empty()) {
    return Unexpected("set one of its keys, " + enumerate(names_in(*section), "or"));
  }
  path.key = section->find(parts.key);
  if (path.key == nullptr) return Unexpected(unknown_key(path, parts.key));
  return path;
}

std::vector<std::string_view> names_in(const ConfigSection& section) {
  std::vector<std::string_view> names;
  for (const ConfigKey& key : section.keys) names.push_back(key.name);
  if (!section.name.empty()) return names;
  for (const ConfigSection& other : config_sections()) {
    if (!other.name.empty()) names.push_back(other.name);
  }
  return names;
}

std::string unknown_key(const KeyPath& item, std::string_view name) {
  auto nearest = near_in(item, name);
  if (!nearest) nearest = near_elsewhere(name);
  return "unknown key" + did_you_mean(nearest) +
         " (known here: " + enumerate(names_in(*item.section), "and") + ")";
}

}  // namespace redoubt::config
