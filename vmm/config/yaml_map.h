// SPDX-License-Identifier: Apache-2.0
//
// The part of YAML 1.2 that a configuration uses: one document of maps, lists and scalars, in which
// everything knows its place. Anchors, aliases, tags and keys that are not plain text are refused,
// so a file means what it shows and can name no more than it holds.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "vmm/config/config_error.h"

namespace redoubt::config {

struct YamlEntry;

struct YamlValue {
  enum class Kind {
    Null,    // nothing after the colon, or ~, or null
    Plain,   // a scalar without quotes, which may mean a number or a truth value
    Quoted,  // a scalar that can only be a string
    Typed,   // from the command line: whatever the key wants it to be
    Map,
    Sequence,
    Refused,  // already reported
  };

  Kind kind = Kind::Null;
  Mark mark;
  std::string text;                // of a scalar
  std::vector<YamlEntry> entries;  // of a Map: no two with the same key
  std::vector<YamlValue> items;    // of a Sequence
};

struct YamlEntry {
  std::string key;
  Mark mark;
  YamlValue value;
};

// Reads `text`, which is the whole of a file. Faults go to `errors`; the result is then incomplete.
[[nodiscard]] YamlValue parse_yaml(std::string_view text, ErrorList& errors);

// What a plain scalar is besides a string, by the core schema: "a number", "a truth value" or
// nothing.
[[nodiscard]] std::string_view plain_meaning(std::string_view text);

}  // namespace redoubt::config
