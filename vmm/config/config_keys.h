// SPDX-License-Identifier: Apache-2.0
//
// The table of configuration keys. The parser, the printed configuration, the JSON Schema, the
// completions and the manual are all made from it; defaults are those of VmConfig itself.
//
// Keys live in sections, and a section in one or more items: `memory` has one, `vsock` one or none,
// `disks` any number. So a key's value is always that of an item, "disks[1].path".
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "vmm/config/vm_config.h"

namespace redoubt::config {

// One of the words that a key can be set to, and the enumerator it stands for.
struct Choice {
  template <class Enumerator>
  constexpr Choice(std::string_view name_, Enumerator value_, std::string_view description_)
      : name(name_), value(static_cast<uint64_t>(value_)), description(description_) {}

  std::string_view name;
  uint64_t value;
  std::string_view description;
};

enum class KeyType { Text, Path, Boolean, Integer, Size, Choice, Mac };

// What a text is made of.
enum class Alphabet {
  Line,       // any characters, on one line
  Printable,  // printable ASCII
  Name,       // letters, digits, '.', '_' and '-', beginning with none of the last two or a dot
};

// Text and paths are strings, a choice is Choice::value, sizes count bytes, a MAC address is a
// number whose most significant byte comes first; monostate is "nothing chosen": no path, or a size
// left at auto.
using ConfigValue = std::variant<std::monostate, bool, uint64_t, std::string>;

struct ConfigKey {
  std::string_view name;  // "size"
  KeyType type;
  std::string_view title;
  std::string_view description;
  std::string_view example;

  bool required = false;
  bool allows_auto = false;  // Size: the word auto is a value too
  Alphabet alphabet = Alphabet::Line;
  uint64_t minimum = 0;  // Integer, Size; Text: length in bytes
  uint64_t maximum = 0;
  uint64_t multiple_of = 1;  // Size
  std::span<const Choice> choices{};
  // Choices of the section's key `type` that cannot be without this key, and that take none.
  // Where there is an alternative, exactly one of the two keys is needed.
  std::span<const std::string_view> needed_by{};
  std::span<const std::string_view> refused_by{};
  std::string_view alternative{};
  std::string_view default_note{};  // where VmConfig's own default does not say it

  // Of an item that exists.
  ConfigValue (*get)(const VmConfig&, size_t item) = nullptr;
  void (*set)(VmConfig&, size_t item, const ConfigValue&) = nullptr;

  // What get() tells, an empty text being nothing where the key has to have one.
  [[nodiscard]] ConfigValue value(const VmConfig& config, size_t item) const;
};

enum class Shape {
  Map,          // always there
  OptionalMap,  // there if the file has it
  List,         // of maps
};

struct ConfigSection {
  std::string_view name;  // empty: the keys at the top
  Shape shape;
  std::string_view title;
  std::string_view description;
  std::vector<ConfigKey> keys;  // in the order in which they are written and printed
  size_t most = 1;              // List: items

  size_t (*count)(const VmConfig&) = nullptr;
  void (*resize)(VmConfig&, size_t) = nullptr;

  [[nodiscard]] const ConfigKey* find(std::string_view key) const;  // nullptr if there is none
  // "cpus", "memory.size", "disks[N].path": a key of no particular item, for people.
  [[nodiscard]] std::string path_of(const ConfigKey& key) const;
};

// In the order in which they are written and printed, the keys at the top first.
[[nodiscard]] std::span<const ConfigSection> config_sections();
[[nodiscard]] const ConfigSection* find_section(std::string_view name);  // nullptr if there is none

// A key of one item, or an item as a whole.
struct KeyPath {
  const ConfigSection* section;
  size_t item = 0;
  const ConfigKey* key = nullptr;  // nullptr: the item

  [[nodiscard]] std::string text() const;  // "cpus", "memory.size", "disks[1].path", "disks[1]"
  [[nodiscard]] KeyPath with(std::string_view other_key) const;
};

// All three exist.
[[nodiscard]] KeyPath key_path(std::string_view section, size_t item, std::string_view key = {});

// Where guest RAM starts and where guest-physical addresses end.
inline constexpr uint64_t kRamStart = 0x4000'0000;
inline constexpr uint64_t kGuestAddressEnd = uint64_t{1} << 40;

}  // namespace redoubt::config
