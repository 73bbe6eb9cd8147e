// SPDX-License-Identifier: Apache-2.0
//
// The table of configuration keys. The parser, the printed configuration, the JSON Schema, the
// completions and the manual are all made from it; defaults are those of VmConfig itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

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

enum class KeyType { Text, Path, Boolean, Integer, Size, Choice };

// Text and paths are strings, a choice is Choice::value, sizes count bytes; monostate is "nothing
// chosen": no path, or a size left at auto.
using ConfigValue = std::variant<std::monostate, bool, uint64_t, std::string>;

struct ConfigKey {
  std::string_view path;  // "memory.size"
  KeyType type;
  std::string_view title;
  std::string_view description;
  std::string_view example;

  bool required = false;
  bool allows_auto = false;  // Size: the word auto is a value too
  uint64_t minimum = 0;      // Integer, Size; Text: length in bytes
  uint64_t maximum = 0;
  uint64_t multiple_of = 1;  // Size
  std::span<const Choice> choices{};
  std::string_view default_note{};  // where VmConfig's own default does not say it

  ConfigValue (*get)(const VmConfig&);
  void (*set)(VmConfig&, const ConfigValue&);

  // "memory" of "memory.size", nothing for a key at the top.
  [[nodiscard]] std::string_view section() const;
  // "size" of "memory.size".
  [[nodiscard]] std::string_view leaf() const;
};

struct ConfigSection {
  std::string_view name;
  std::string_view description;
};

// In the order in which they are written and printed; the keys of a section stand together.
[[nodiscard]] std::span<const ConfigKey> config_keys();
[[nodiscard]] std::span<const ConfigSection> config_sections();

// nullptr if there is none.
[[nodiscard]] const ConfigKey* find_key(std::string_view path);
[[nodiscard]] const ConfigSection* find_section(std::string_view name);

// Where guest RAM starts and where guest-physical addresses end.
inline constexpr uint64_t kRamStart = 0x4000'0000;
inline constexpr uint64_t kGuestAddressEnd = uint64_t{1} << 40;

}  // namespace redoubt::config
