// SPDX-License-Identifier: Apache-2.0
#include "vmm/config/config_value.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "vmm/config/nearest_name.h"
#include "vmm/config/utf8.h"

namespace redoubt::config {

namespace {

using Kind = YamlValue::Kind;
using Parsed = Result<ConfigValue, std::string>;

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kHex = "0123456789abcdef";

struct Unit {
  std::string_view name;
  uint32_t shift;
};
constexpr std::array kUnits = {Unit{"TiB", 40}, Unit{"GiB", 30}, Unit{"MiB", 20}, Unit{"KiB", 10}};

std::string shown(const YamlValue& value) {
  switch (value.kind) {
    case Kind::Null: return "nothing";
    case Kind::Map: return "a map";
    case Kind::Sequence: return "a list";
    case Kind::Quoted: return "the string " + in_quotes(value.text);
    case Kind::Plain:
    case Kind::Typed:
    case Kind::Refused: break;
  }
  return in_quotes(value.text);
}

auto expected(const std::string& what, const YamlValue& value, const std::string& hint = {}) {
  return Unexpected("expected " + what + ", got " + shown(value) + hint);
}

// A string by the rules of YAML, or whatever was typed on a command line.
Result<std::string_view, std::string> take_string(const std::string& what, const YamlValue& value) {
  switch (value.kind) {
    case Kind::Quoted:
    case Kind::Typed: return std::string_view(value.text);
    case Kind::Plain:
      if (const std::string_view meaning = plain_meaning(value.text); !meaning.empty()) {
        return Unexpected("expected " + what + ", but " + value.text + " without quotes is " +
                          std::string(meaning) + ": write " + in_quotes(value.text));
      }
      return std::string_view(value.text);
    default: return expected(what, value);
  }
}

// Null, maps and lists are none of the words, numbers and sizes below.
bool is_scalar(const YamlValue& value) {
  return value.kind == Kind::Plain || value.kind == Kind::Quoted || value.kind == Kind::Typed;
}
bool is_unquoted(const YamlValue& value) {
  return value.kind == Kind::Plain || value.kind == Kind::Typed;
}

bool same_letters(std::string_view text, std::string_view lower_case) {
  return std::equal(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                    [](char a, char b) { return a == b || (a >= 'A' && a <= 'Z' && a + 32 == b); });
}

// Nothing for what is not digits alone; the largest number for what is beyond it.
std::optional<uint64_t> digits(std::string_view text) {
  if (text.empty() || text.find_first_not_of(kDigits) != std::string_view::npos) return {};
  uint64_t number = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  return result.ec == std::errc() ? number : std::numeric_limits<uint64_t>::max();
}

Result<std::string, std::string> check_line(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const size_t length = utf8_length(text.substr(i));
    if (length == 0) return Unexpected(std::string("not UTF-8"));
    if (text[i] == '\n') {
      return Unexpected(std::string("a line break in it; in YAML, '>-' folds lines into one"));
    }
    if (is_control(text[i])) return Unexpected(std::string("a control character in it"));
    i += length;
  }
  return std::string(text);
}

Parsed parse_text(const ConfigKey& key, const YamlValue& value) {
  const std::string_view text = TRY(take_string("a string", value));
  std::string line = TRY(check_line(text));
  if (line.size() < key.minimum) return Unexpected(std::string("must not be empty"));
  if (line.size() > key.maximum) {
    return Unexpected("at most " + std::to_string(key.maximum) + " bytes, got " +
                      std::to_string(line.size()));
  }
  return ConfigValue(std::move(line));
}

Parsed parse_path(const YamlValue& value) {
  const std::string_view text = TRY(take_string("a path", value));
  std::string path = TRY(check_line(text));
  if (path.empty()) return Unexpected(std::string("expected a path, got nothing"));
  return ConfigValue(std::move(path));
}

Parsed parse_boolean(const YamlValue& value) {
  if (is_unquoted(value) && value.text == "true") return ConfigValue(true);
  if (is_unquoted(value) && value.text == "false") return ConfigValue(false);
  std::string_view meant;
  for (const std::string_view yes : {"true", "yes", "on", "1"}) {
    if (is_scalar(value) && same_letters(value.text, yes)) meant = "true";
  }
  for (const std::string_view no : {"false", "no", "off", "0"}) {
    if (is_scalar(value) && same_letters(value.text, no)) meant = "false";
  }
  return expected("true or false", value, meant.empty() ? "" : did_you_mean(meant));
}

Parsed parse_integer(const ConfigKey& key, const YamlValue& value) {
  const std::string what =
      "an integer from " + std::to_string(key.minimum) + " to " + std::to_string(key.maximum);
  const auto number = is_unquoted(value) ? digits(value.text) : std::nullopt;
  if (!number || *number < key.minimum || *number > key.maximum) return expected(what, value);
  return ConfigValue(*number);
}

// ", did you mean 512MiB?" for 512MB, 512M, 512 mib and their like.
std::string size_hint(std::string_view text) {
  const size_t end = std::min(text.find_first_not_of(kDigits), text.size());
  std::string_view unit = text.substr(end);
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  if (end == 0 || unit.empty() || unit.size() > 3) return {};
  const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; };
  const std::string_view tail = unit.substr(1);
  const bool known_tail = tail.empty() || tail == "B" || tail == "b" || tail == "i" ||
                          tail == "ib" || tail == "iB" || tail == "IB";
  for (const Unit& known : kUnits) {
    if (known_tail && upper(unit[0]) == known.name[0]) {
      return ", did you mean " + std::string(text.substr(0, end)) + std::string(known.name) + "?";
    }
  }
  return {};
}

Parsed check_size(const ConfigKey& key, std::string_view text, uint64_t size) {
  if (size < key.minimum) {
    return Unexpected("at least " + format_size(key.minimum) + ", got " + std::string(text));
  }
  if (size > key.maximum) {
    return Unexpected("at most " + format_size(key.maximum) + ", got " + std::string(text));
  }
  if (size % key.multiple_of != 0) {
    return Unexpected("must be a multiple of " + format_size(key.multiple_of) + ", got " +
                      std::string(text));
  }
  return ConfigValue(size);
}

Parsed parse_size(const ConfigKey& key, const YamlValue& value) {
  const std::string what =
      "a size such as " + std::string(key.example) + (key.allows_auto ? ", or auto" : "");
  if (!is_scalar(value)) return expected(what, value);
  const std::string_view text = value.text;
  if (key.allows_auto && text == "auto") return ConfigValue();

  if (const auto bytes = digits(text); bytes && is_unquoted(value)) {
    return check_size(key, text, *bytes);
  }
  for (const Unit& unit : kUnits) {
    if (!text.ends_with(unit.name)) continue;
    const auto count = digits(text.substr(0, text.size() - unit.name.size()));
    if (!count) break;
    const bool fits = *count <= std::numeric_limits<uint64_t>::max() >> unit.shift;
    return check_size(key, text,
                      fits ? *count << unit.shift : std::numeric_limits<uint64_t>::max());
  }
  return expected(what, value, size_hint(text));
}

Parsed parse_choice(const ConfigKey& key, const YamlValue& value) {
  std::vector<std::string_view> names;
  for (const Choice& choice : key.choices) {
    if (is_scalar(value) && value.text == choice.name) return ConfigValue(choice.value);
    names.push_back(choice.name);
  }
  const auto nearest = is_scalar(value) ? nearest_name(value.text, names) : std::nullopt;
  return expected(enumerate(names, "or"), value, did_you_mean(nearest));
}

// A plain scalar where that is the same string to every reader of YAML, else in double quotes.
std::string format_string(std::string_view text) {
  constexpr std::string_view kSafe =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/=+,-";
  const bool word = !text.empty() && text.find_first_not_of(kSafe) == std::string_view::npos &&
                    kSafe.find(text[0]) < kSafe.find('0');
  const bool path =
      text.starts_with('/') && text.find_first_not_of(kSafe) == std::string_view::npos;
  constexpr std::array kTruthTo11 = {"y", "n", "yes", "no", "on", "off"};
  const bool misread =
      !plain_meaning(text).empty() ||
      std::any_of(kTruthTo11.begin(), kTruthTo11.end(),
                  [text](std::string_view truth) { return same_letters(text, truth); });
  if ((word || path) && !misread) return std::string(text);
  std::string escaped = "\"";
  for (const char c : text) {
    if (is_control(c)) {
      escaped.append("\\x").append(1, kHex[(c >> 4) & 0xf]).append(1, kHex[c & 0xf]);
      continue;
    }
    if (c == '"' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped + '"';
}

}  // namespace

Parsed parse_value(const ConfigKey& key, const YamlValue& value) {
  switch (key.type) {
    case KeyType::Text: return parse_text(key, value);
    case KeyType::Path: return parse_path(value);
    case KeyType::Boolean: return parse_boolean(value);
    case KeyType::Integer: return parse_integer(key, value);
    case KeyType::Size: return parse_size(key, value);
    case KeyType::Choice: break;
  }
  return parse_choice(key, value);
}

std::optional<std::string> format_value(const ConfigKey& key, const ConfigValue& value) {
  if (std::holds_alternative<std::monostate>(value)) {
    return key.allows_auto ? std::optional<std::string>("auto") : std::nullopt;
  }
  switch (key.type) {
    case KeyType::Text:
    case KeyType::Path: return format_string(std::get<std::string>(value));
    case KeyType::Boolean: return std::get<bool>(value) ? "true" : "false";
    case KeyType::Integer: return std::to_string(std::get<uint64_t>(value));
    case KeyType::Size: return format_size(std::get<uint64_t>(value));
    case KeyType::Choice: break;
  }
  const auto chosen = std::find_if(
      key.choices.begin(), key.choices.end(),
      [&value](const Choice& choice) { return choice.value == std::get<uint64_t>(value); });
  return std::string(chosen->name);
}

std::string default_text(const ConfigKey& key) {
  if (!key.default_note.empty()) return std::string(key.default_note);
  if (key.required) return {};
  return format_value(key, key.get(VmConfig())).value_or("");
}

std::string format_size(uint64_t bytes) {
  for (const Unit& unit : kUnits) {
    const uint64_t count = bytes >> unit.shift;
    if (count != 0 && count << unit.shift == bytes) {
      return std::to_string(count).append(unit.name);
    }
  }
  return std::to_string(bytes);
}

}  // namespace redoubt::config
