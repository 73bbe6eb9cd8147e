// SPDX-License-Identifier: Apache-2.0
#include "vmm/config/config_draft.h"

#include <utility>

#include "vmm/config/config_file.h"
#include "vmm/config/config_value.h"
#include "vmm/config/nearest_name.h"
#include "vmm/config/unknown_key.h"

namespace redoubt::config {

namespace fs = std::filesystem;

namespace {

constexpr Mark kTop{1, 1};

size_t index_of(const ConfigSection& section) {
  return static_cast<size_t>(&section - config_sections().data());
}

std::string expected_map(const ConfigSection& section) {
  return "expected a map of " + enumerate(names_in(section), "and");
}

}  // namespace

ConfigDraft::ConfigDraft(std::string_view source, std::string_view text)
    : text_(text), errors_(source, text) {
  for (const ConfigSection& section : config_sections()) {
    auto& list = items_.emplace_back();
    if (section.shape == Shape::Map) list.push_back(new_item(section, From::Nowhere, kTop));
  }
}

void ConfigDraft::read_file(const fs::path& folder) {
  folder_ = folder;
  const KeyPath top = key_path("", 0);
  const YamlValue root = parse_yaml(text_, errors_);
  if (root.kind == YamlValue::Kind::Map) return read_item(top, root);
  if (root.kind == YamlValue::Kind::Null) {
    errors_.add(kTop, "no configuration in this file: it needs at least boot.kernel");
  } else if (root.kind != YamlValue::Kind::Refused) {
    errors_.add(root.mark, expected_map(*top.section));
  }
  // Of a file that is no map it is of no use to say what it lacks.
  for (std::vector<Item>& list : items_) {
    for (Item& each : list) each.refused = true;
  }
}

void ConfigDraft::read_section(const ConfigSection& section, const YamlEntry& entry) {
  const YamlValue& value = entry.value;
  if (section.shape != Shape::List) {
    items(section) = {new_item(section, From::File, entry.mark)};
    return read_item({&section}, value);
  }
  if (value.kind != YamlValue::Kind::Sequence) {
    const std::string keys = enumerate(names_in(section), "and");
    return errors_.add(value.mark,
                       std::string(section.name) + ": expected a list of maps of " + keys);
  }
  for (const YamlValue& each : value.items) {
    const KeyPath path{&section, items(section).size()};
    items(section).push_back(new_item(section, From::File, each.mark));
    read_item(path, each);
  }
}

void ConfigDraft::read_item(const KeyPath& item_path, const YamlValue& map) {
  const ConfigSection& section = *item_path.section;
  if (map.kind != YamlValue::Kind::Map) {
    items(section)[item_path.item].refused = true;
    errors_.add(map.mark, item_path.text() + ": " + expected_map(section));
    return;
  }
  const bool at_top = section.name.empty();
  for (const YamlEntry& entry : map.entries) {
    const ConfigSection* inner = at_top && !entry.key.empty() ? find_section(entry.key) : nullptr;
    if (inner != nullptr) {
      read_section(*inner, entry);
    } else if (const ConfigKey* key = section.find(entry.key); key != nullptr) {
      take_value({&section, item_path.item, key}, entry.value, From::File, folder_);
    } else {
      const std::string path = at_top ? entry.key : item_path.text() + "." + entry.key;
      const bool dotted = at_top && parse_key_path(entry.key).has_value();
      errors_.add(entry.mark,
                  printable(path) + ": " +
                      (dotted ? "in a file, a key stands in the map of its section, without dots"
                              : unknown_key(item_path, entry.key)));
    }
  }
}

void ConfigDraft::read_override(std::string_view option) {
  const size_t equals = option.find('=');
  const std::string_view name = option.substr(0, equals);
  if (equals == std::string_view::npos) {
    return errors_.add_override(option, "expected KEY=VALUE, such as memory.size=1GiB");
  }
  const auto path = parse_key_path(name);
  if (!path) return errors_.add_override(name, path.error());
  const std::string value(option.substr(equals + 1));
  const ConfigSection& section = *path->section;
  if (path->key != nullptr) return set(*path, value);
  if (value.empty()) return clear(section);
  if (section.shape == Shape::List) {
    const std::string example = KeyPath{&section, 0, &section.keys.front()}.text();
    return errors_.add_override(name, "is a list: set a key of one item, such as " + example);
  }
  errors_.add_override(name,
                       "is a section: set one of its keys, " + enumerate(names_in(section), "or"));
}

// An item that is not there is made, if it is the next one.
void ConfigDraft::set(const KeyPath& path, const std::string& value) {
  std::vector<Item>& list = items(*path.section);
  if (path.item > list.size()) {
    const std::string next = KeyPath{path.section, list.size()}.text();
    return errors_.add_override(path.text(), "the next one is " + next);
  }
  if (path.item == list.size()) list.push_back(new_item(*path.section, From::Override, {}));
  if (value.empty()) {
    at(path) = {};
  } else {
    take_value(path, {YamlValue::Kind::Typed, {}, value, {}, {}}, From::Override, folder_of(""));
  }
}

void ConfigDraft::clear(const ConfigSection& section) {
  std::vector<Item>& list = items(section);
  if (section.shape == Shape::Map) {
    list.front() = new_item(section, list.front().from, list.front().mark);
  } else {
    list.clear();
  }
}

void ConfigDraft::take_value(const KeyPath& path, const YamlValue& value, From from,
                             const fs::path& folder) {
  at(path) = {from, value.mark, {}};
  auto parsed = parse_value(*path.key, value);
  if (!parsed) return report(path, parsed.error());
  if (path.key->type == KeyType::Path) {
    *parsed = resolve(folder, std::get<std::string>(*parsed)).string();
  }
  at(path).value = std::move(*parsed);
}

void ConfigDraft::assemble(VmConfig& config) {
  for (const ConfigSection& section : config_sections()) {
    const std::vector<Item>& list = items(section);
    section.resize(config, list.size());
    for (size_t index = 0; index < list.size(); ++index) {
      for (const ConfigKey& key : section.keys) {
        const KeyPath path{&section, index, &key};
        if (const auto& value = at(path).value) key.set(config, index, *value);
        if (key.required && !given(path) && !refused(path)) {
          report(path, "is required, and not given");
        }
      }
    }
  }
}

void ConfigDraft::report(const KeyPath& path, const std::string& message) {
  const Item& owner = item(path);
  From from = owner.from;
  Mark mark = from == From::File ? owner.mark : kTop;
  if (path.key != nullptr && given(path)) {
    from = at(path).from;
    mark = at(path).mark;
  }
  if (from == From::Override) return errors_.add_override(path.text(), message);
  errors_.add(mark, path.text() + ": " + message);
}

bool ConfigDraft::refused(const KeyPath& path) const {
  return item(path).refused || (given(path) && !at(path).value);
}

ConfigDraft::Item ConfigDraft::new_item(const ConfigSection& section, From from, Mark mark) const {
  return {from, mark, false, std::vector<Given>(section.keys.size())};
}

std::vector<ConfigDraft::Item>& ConfigDraft::items(const ConfigSection& section) {
  return items_[index_of(section)];
}

const ConfigDraft::Item& ConfigDraft::item(const KeyPath& path) const {
  return items_[index_of(*path.section)][path.item];
}

const ConfigDraft::Given& ConfigDraft::at(const KeyPath& path) const {
  return item(path).keys[static_cast<size_t>(path.key - path.section->keys.data())];
}

ConfigDraft::Given& ConfigDraft::at(const KeyPath& path) {
  std::vector<Given>& keys = items(*path.section)[path.item].keys;
  return keys[static_cast<size_t>(path.key - path.section->keys.data())];
}

}  // namespace redoubt::config
