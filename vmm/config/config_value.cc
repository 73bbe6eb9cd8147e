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
constexpr std::string_view kNameCharacters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

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

bool is_in(Alphabet alphabet, std::string_view text) {
  switch (alphabet) {
    case Alphabet::Line: return true;
    case Alphabet::Printable:
      return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
    case Alphabet::Name: break;
  }
  return text.find_first_not_of(kNameCharacters) == std::string_view::npos &&
         !text.starts_with('.') && !text.starts_with('-');
}

std::string_view words_for(Alphabet alphabet) {
  return alphabet == Alphabet::Printable
             ? "may have printable ASCII characters only"
             : "may have letters, digits, '.', '_' and '-' only, and no '.' or '-' in front";
}

Parsed parse_text(const ConfigKey& key, const YamlValue& value) {
  const std::string_view text = TRY(take_string("a string", value));
  std::string line = TRY(check_line(text));
  if (line.size() < key.minimum) return Unexpected(std::string("must not be empty"));
  if (line.size() > key.maximum) {
    return Unexpected("at most " + std::to_string(key.maximum) + " bytes, got " +
                      std::to_string(line.size()));
  }
  if (!is_in(key.alphabet, line)) {
    return Unexpected(std::string(words_for(key.alphabet)) + ", got " + in_quotes(line));
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

// Six bytes in hexadecimal, the first of which is even: the address of one station.
Parsed parse_mac(const ConfigKey& key, const YamlValue& value) {
  const std::string what = "a MAC address such as " + std::string(key.example);
  if (!is_scalar(value)) return expected(what, value);
  std::string_view rest = value.text;
  uint64_t mac = 0;
  for (int i = 0; i < 6; ++i) {
    uint8_t byte = 0;
    const std::string_view digits_of_byte = rest.substr(0, 2);
    const auto result = std::from_chars(digits_of_byte.data(),
                                        digits_of_byte.data() + digits_of_byte.size(), byte, 16);
    if (result.ec != std::errc() || digits_of_byte.size() != 2 ||
        result.ptr != digits_of_byte.end()) {
      return expected(what, value);
    }
    rest.remove_prefix(2);
    const bool separated = i < 5 ? rest.starts_with(':') : rest.empty();
    if (!separated) return expected(what, value);
    rest.remove_prefix(i < 5 ? 1 : 0);
    mac = mac << 8 | byte;
  }
  constexpr uint64_t kGroup = uint64_t{1} << 40;
  if ((mac & kGroup) != 0) {
    return Unexpected("a group's address cannot be a device's own, got " + in_quotes(value.text));
  }
  if (mac == 0) return Unexpected(std::string("the address of no station"));
  return ConfigValue(mac);
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
    case KeyType::Mac: return parse_mac(key, value);
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
    case KeyType::Mac: return format_string(format_mac(std::get<uint64_t>(value)));
    case KeyType::Choice: break;
  }
  return format_string(choice_name(key, value));
}

std::string choice_name(const ConfigKey& key, const ConfigValue& value) {
  const auto chosen = std::find_if(
      key.choices.begin(), key.choices.end(),
      [&value](const Choice& choice) { return choice.value == std::get<uint64_t>(value); });
  return std::string(chosen->name);
}

std::string default_text(const ConfigSection& section, const ConfigKey& key) {
  if (!key.default_note.empty()) return std::string(key.default_note);
  if (key.required) return {};
  VmConfig config;
  section.resize(config, 1);
  const ConfigValue value = key.value(config, 0);
  if (key.type == KeyType::Choice) return choice_name(key, value);
  return format_value(key, value).value_or("");
}

std::string_view pattern_of(Alphabet alphabet) {
  switch (alphabet) {
    case Alphabet::Line: return "^[^\\u0000-\\u0008\\u000a-\\u001f\\u007f]*$";
    case Alphabet::Printable: return "^[ -~]*$";
    case Alphabet::Name: break;
  }
  return "^[A-Za-z0-9_][A-Za-z0-9._-]*$";
}

std::string format_mac(uint64_t mac) {
  std::string text;
  for (int shift = 40; shift >= 0; shift -= 8) {
    const auto byte = static_cast<uint8_t>(mac >> shift);
    text.append(text.empty() ? "" : ":").append(1, kHex[byte >> 4]).append(1, kHex[byte & 0xf]);
  }
  return text;
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
