// SPDX-License-Identifier: Apache-2.0
#include "vmm/config/load_config.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <sys/un.h>

#include "vmm/config/config_file.h"
#include "vmm/config/config_keys.h"
#include "vmm/config/config_value.h"
#include "vmm/config/nearest_name.h"
#include "vmm/config/utf8.h"
#include "vmm/config/yaml_map.h"

namespace redoubt::config {

namespace fs = std::filesystem;

namespace {

// The leaf names of a section, or the sections and keys at the top.
std::vector<std::string_view> names_in(std::string_view section) {
  std::vector<std::string_view> names;
  for (const ConfigKey& key : config_keys()) {
    const std::string_view name =
        section.empty() && !key.section().empty() ? key.section() : key.leaf();
    const bool inside = section.empty() || key.section() == section;
    if (inside && (names.empty() || names.back() != name)) names.push_back(name);
  }
  return names;
}

// The key or section that `path`, which is none, was probably meant to be: near as a whole, or near
// to the last part of a key somewhere else.
std::optional<std::string_view> nearest_path(std::string_view path) {
  std::vector<std::string_view> paths;
  std::vector<std::string_view> leaves;
  if (path.find('.') == std::string_view::npos) {
    for (const ConfigSection& section : config_sections()) paths.push_back(section.name);
  }
  for (const ConfigKey& key : config_keys()) {
    paths.push_back(key.path);
    leaves.push_back(key.leaf());
  }
  if (const auto nearest = nearest_name(path, paths)) return nearest;
  const auto leaf = nearest_name(path.substr(path.rfind('.') + 1), leaves);
  if (!leaf) return std::nullopt;
  const auto key = std::find_if(config_keys().begin(), config_keys().end(),
                                [leaf](const ConfigKey& each) { return each.leaf() == *leaf; });
  return key->path;
}

std::string unknown_key(std::string_view path) {
  const size_t dot = path.find('.');
  const std::string_view section = dot == std::string_view::npos ? "" : path.substr(0, dot);
  const auto names = names_in(find_section(section) == nullptr ? "" : section);
  return "unknown key" + did_you_mean(nearest_path(path)) +
         " (known here: " + enumerate(names, "and") + ")";
}

std::string expected_map(std::string_view section) {
  return "expected a map of " + enumerate(names_in(section), "and");
}

// The default of VmConfig::name, which must be what `name` may be set to.
std::string name_from(const fs::path& source) {
  std::string name = source.stem().string();
  for (size_t i = 0; i < name.size();) {
    const size_t length = utf8_length(std::string_view(name).substr(i));
    if (length == 0 || is_control(name[i])) name[i] = '?';
    i += std::max<size_t>(length, 1);
  }
  return name;
}

constexpr Mark kTop{1, 1};

class Loader {
 public:
  Loader(const fs::path& source, std::string_view text)
      : source_(source.string()), errors_(source_, text), given_(config_keys().size()) {
    config_.name = name_from(source);
  }

  void read_file(std::string_view text, const fs::path& folder);
  void read_override(std::string_view option);
  // After all values have been read, and before the checks.
  void assemble();
  void check_console();
  void check_addresses();
  void check_files();

  VmConfig take() {
    errors_.throw_if_any();
    return std::move(config_);
  }

 private:
  enum class From { Nowhere, File, Override };

  struct Given {
    From from = From::Nowhere;
    Mark mark;                         // of the value in the file
    std::optional<ConfigValue> value;  // nothing: it has been refused
  };

  struct SectionPlace {
    std::string name;
    Mark mark;  // in the file
  };

  void read_map(const YamlValue& map, std::string_view section, const fs::path& folder);
  void take_value(const ConfigKey& key, const YamlValue& value, From from, const fs::path& folder);
  // About a key that exists, at the place of its value, or where one would expect it.
  void report(const ConfigKey& key, const std::string& message);
  void report(std::string_view path, const std::string& message) {
    report(*find_key(path), message);
  }

  Given& given(const ConfigKey& key) {
    return given_[static_cast<size_t>(&key - config_keys().data())];
  }
  Given& given(std::string_view path) { return given(*find_key(path)); }
  bool refused(std::string_view path) {
    return given(path).from != From::Nowhere && !given(path).value;
  }

  std::string source_;
  ErrorList errors_;
  VmConfig config_;
  std::vector<Given> given_;  // one for each of config_keys()
  std::vector<SectionPlace> sections_;
  bool is_map_ = true;  // the file is YAML, and a map
};

void Loader::read_file(std::string_view text, const fs::path& folder) {
  const YamlValue root = parse_yaml(text, errors_);
  is_map_ = root.kind == YamlValue::Kind::Map;
  if (is_map_) {
    read_map(root, "", folder);
  } else if (root.kind == YamlValue::Kind::Null) {
    errors_.add(kTop, "no configuration in this file: it needs at least boot.kernel");
  } else if (root.kind != YamlValue::Kind::Refused) {
    errors_.add(root.mark, expected_map(""));
  }
}

void Loader::read_map(const YamlValue& map, std::string_view section, const fs::path& folder) {
  for (const YamlEntry& entry : map.entries) {
    const std::string path =
        section.empty() ? entry.key : std::string(section).append(".").append(entry.key);
    const ConfigKey* key = find_key(path);
    if (section.empty() && find_section(path) != nullptr) {
      sections_.push_back({entry.key, entry.mark});
      if (entry.value.kind == YamlValue::Kind::Map) {
        read_map(entry.value, entry.key, folder);
      } else {
        errors_.add(entry.value.mark, path + ": " + expected_map(path));
      }
    } else if (key != nullptr && key->section() == section) {
      take_value(*key, entry.value, From::File, folder);
    } else {
      errors_.add(entry.mark, printable(path) + ": " + unknown_key(path));
    }
  }
}

void Loader::read_override(std::string_view option) {
  const size_t equals = option.find('=');
  const std::string_view path = option.substr(0, equals);
  const ConfigKey* key = find_key(path);
  if (equals == std::string_view::npos) {
    errors_.add_override(option, "expected KEY=VALUE, such as memory.size=1GiB");
  } else if (find_section(path) != nullptr) {
    errors_.add_override(path,
                         "is a section: set one of its keys, " + enumerate(names_in(path), "or"));
  } else if (key == nullptr) {
    errors_.add_override(path, unknown_key(path));
  } else if (equals + 1 == option.size()) {
    given(*key) = {};
  } else {
    const YamlValue value{YamlValue::Kind::Typed, {}, std::string(option.substr(equals + 1)), {}};
    take_value(*key, value, From::Override, folder_of(""));
  }
}

void Loader::take_value(const ConfigKey& key, const YamlValue& value, From from,
                        const fs::path& folder) {
  given(key) = {from, value.mark, {}};
  auto parsed = parse_value(key, value);
  if (!parsed) return report(key, parsed.error());
  if (key.type == KeyType::Path) {
    *parsed = resolve(folder, std::get<std::string>(*parsed)).string();
  }
  given(key).value = std::move(*parsed);
}

void Loader::report(const ConfigKey& key, const std::string& message) {
  const Given& where = given(key);
  if (where.from == From::Override) return errors_.add_override(key.path, message);
  Mark mark = where.mark;
  if (where.from == From::Nowhere) {
    const auto section =
        std::find_if(sections_.begin(), sections_.end(),
                     [&key](const SectionPlace& place) { return place.name == key.section(); });
    mark = section == sections_.end() ? kTop : section->mark;
  }
  errors_.add(mark, std::string(key.path).append(": ").append(message));
}

void Loader::assemble() {
  for (const ConfigKey& key : config_keys()) {
    const Given& chosen = given(key);
    if (chosen.value) key.set(config_, *chosen.value);
    if (key.required && chosen.from == From::Nowhere && is_map_) {
      report(key, "is required, and not given");
    }
  }
}

void Loader::check_console() {
  if (refused("console.type") || refused("console.path")) return;
  const ConfigKey& type = *find_key("console.type");
  const std::string chosen = *format_value(type, type.get(config_));
  const fs::path& path = config_.console.path;
  const ConsoleKind kind = config_.console.kind;
  if (path.empty() && (kind == ConsoleKind::File || kind == ConsoleKind::Socket)) {
    report(type, "a " + chosen + " needs console.path");
  } else if (!path.empty() && (kind == ConsoleKind::Stdio || kind == ConsoleKind::None)) {
    // Of the two, the one that was chosen last is at fault.
    const bool chosen_last =
        given(type).from == From::Override && given("console.path").from == From::File;
    report(chosen_last ? "console.type" : "console.path",
           "console.type " + chosen + " takes no console.path");
  }
  constexpr size_t kLongest = sizeof(sockaddr_un::sun_path) - 1;
  if (kind == ConsoleKind::Socket && path.string().size() > kLongest) {
    report("console.path", "the path of a unix socket has at most " + std::to_string(kLongest) +
                               " bytes; " + path.string() + " has " +
                               std::to_string(path.string().size()));
  }
}

// No sum overflows: each size is at most kGuestAddressEnd.
void Loader::check_addresses() {
  if (!config_.memory.dma_window) return;
  constexpr uint64_t kAlignment = uint64_t{2} << 20;
  const uint64_t ram_end = kRamStart + config_.memory.size;
  const uint64_t window = (ram_end + kAlignment - 1) / kAlignment * kAlignment;
  if (window + *config_.memory.dma_window <= kGuestAddressEnd) return;
  report("memory.dma_window", "does not fit below guest address 1TiB: RAM of " +
                                  format_size(config_.memory.size) + " leaves " +
                                  format_size(kGuestAddressEnd - window));
}

void Loader::check_files() {
  const auto check = [this](std::string_view path, const fs::path& file, auto why_not) {
    if (refused(path) || file.empty()) return;
    if (const auto fault = why_not(file))
      report(path, printable(file.string(), 4096) + " " + *fault);
  };
  check("boot.kernel", config_.boot.kernel, why_not_readable);
  check("boot.initrd", config_.boot.initrd.value_or(""), why_not_readable);
  check("console.path", config_.console.path, why_not_creatable);
}

}  // namespace

VmConfig parse_config(const fs::path& source, std::string_view text, const fs::path& folder,
                      std::span<const std::string> overrides, FileChecks checks) {
  Loader loader(source, text);
  loader.read_file(text, folder);
  for (const std::string& option : overrides) loader.read_override(option);
  loader.assemble();
  loader.check_console();
  loader.check_addresses();
  if (checks == FileChecks::Perform) loader.check_files();
  return loader.take();
}

VmConfig load_config(const fs::path& file, std::span<const std::string> overrides,
                     FileChecks checks) {
  const std::string text = read_config_file(file);
  return parse_config(file, text, folder_of(file), overrides, checks);
}

}  // namespace redoubt::config
