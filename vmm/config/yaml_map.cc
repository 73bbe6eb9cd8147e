// SPDX-License-Identifier: Apache-2.0
#include "vmm/config/yaml_map.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <sstream>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "vmm/config/yaml_source.h"

namespace redoubt::config {

namespace {

// Far above what a configuration needs, far below what would take time or stack.
constexpr size_t kMostValues = 1000;
constexpr size_t kDeepest = 16;

// Thrown through yaml-cpp when there is no sense in reading on; the reason has been reported.
struct StopReading {};

// True if the quoted scalar at `position` has its closing quote; yaml-cpp does not mind.
bool is_closed(std::string_view text, size_t position) {
  if (position >= text.size()) return true;
  const char quote = text[position];
  if (quote != '"' && quote != '\'') return true;  // a block scalar
  for (size_t i = position + 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      if (quote == '"' || text.substr(i + 1, 1) != "'") return true;
      ++i;
    }
  }
  return false;
}

// Builds the tree from the events of yaml-cpp's parser.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const YamlSource& source, ErrorList& errors) : source_(source), errors_(errors) {}

  YamlValue take_root() { return std::move(root_); }
  // Where the innermost map or list began.
  [[nodiscard]] Mark innermost() const { return open_.empty() ? Mark{1, 1} : open_.back().mark; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ == 1) return;
    stop(mark, source_.text().substr(source_.position_of(mark)).starts_with("---")
                   ? "a second document: one file describes one guest"
                   : "not valid YAML: nothing can follow the value above");
  }
  void OnDocumentEnd() override {}

  void OnAnchor(const YAML::Mark& mark, const std::string& /*name*/) override {
    stop(mark, "anchors (&) are not part of a configuration: write the value out");
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    stop(mark, "aliases (*) are not part of a configuration: write the value out");
  }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    const Mark place = source_.place_of(mark);
    if (awaits_value() && open_.back().entries.back().mark == place) {
      stop(mark, "no ':' after " + in_quotes(open_.back().entries.back().key));
    }
    add({YamlValue::Kind::Null, place, {}, {}, {}});
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t /*anchor*/,
                const std::string& value) override {
    const bool plain = tag == "?";
    if (!plain && tag != "!") refuse_tag(mark, tag);
    if (!plain && !is_closed(source_.text(), source_.position_of(mark))) {
      stop(mark, "not valid YAML: the quote that opens here is never closed");
    }
    const auto kind = plain ? YamlValue::Kind::Plain : YamlValue::Kind::Quoted;
    add({kind, source_.place_of(mark), value, {}, {}});
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t /*anchor*/,
                       YAML::EmitterStyle::value /*style*/) override {
    begin(YamlValue::Kind::Sequence, mark, tag);
  }
  void OnSequenceEnd() override { end(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t /*anchor*/,
                  YAML::EmitterStyle::value /*style*/) override {
    begin(YamlValue::Kind::Map, mark, tag);
  }
  void OnMapEnd() override { end(); }

 private:
  [[noreturn]] void stop(const YAML::Mark& mark, std::string message) {
    errors_.add(source_.place_of(mark), std::move(message));
    throw StopReading();
  }

  [[noreturn]] void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    stop(mark, "tags such as " + in_quotes(tag) + " are not part of a configuration");
  }

  // In a map, keys and values take turns: a key is an entry with a value still to come.
  [[nodiscard]] bool awaits_value() const {
    return !turns_.empty() && turns_.back() == Turn::Value;
  }
  [[nodiscard]] bool awaits_key() const { return !turns_.empty() && turns_.back() == Turn::Key; }

  void count(Mark place) {
    if (++values_ <= kMostValues) return;
    errors_.add(
        place, "more than " + std::to_string(kMostValues) + " values: this is not a configuration");
    throw StopReading();
  }

  void begin(YamlValue::Kind kind, const YAML::Mark& mark, const std::string& tag) {
    if (tag != "?") refuse_tag(mark, tag);
    if (awaits_key()) stop(mark, "a key must be plain text");
    if (open_.size() == kDeepest) stop(mark, "nested too deeply: this is not a configuration");
    const Mark place = source_.place_of(mark);
    count(place);
    open_.push_back({kind, place, {}, {}, {}});
    turns_.push_back(kind == YamlValue::Kind::Map ? Turn::Key : Turn::Item);
  }

  void end() {
    YamlValue value = std::move(open_.back());
    open_.pop_back();
    turns_.pop_back();
    put(std::move(value));
  }

  void add(YamlValue value) {
    count(value.mark);
    put(std::move(value));
  }

  void put(YamlValue value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (awaits_value()) {
      YamlEntry& entry = open_.back().entries.back();
      // A value that is not there has no place of its own.
      if (value.kind == YamlValue::Kind::Null) value.mark = entry.mark;
      entry.value = std::move(value);
      turns_.back() = Turn::Key;
      drop_duplicate();
    } else if (awaits_key()) {
      if (value.kind == YamlValue::Kind::Null) {
        errors_.add(value.mark, "a value without a key");
        throw StopReading();
      }
      open_.back().entries.push_back({std::move(value.text), value.mark, {}});
      turns_.back() = Turn::Value;
    } else {
      open_.back().items.push_back(std::move(value));
    }
  }

  // The specification wants keys to be unique (YAML 1.2.2, 3.2.1.3); yaml-cpp does not look.
  void drop_duplicate() {
    std::vector<YamlEntry>& entries = open_.back().entries;
    const auto same = [&key = entries.back().key](const YamlEntry& entry) {
      return entry.key == key;
    };
    const auto first = std::find_if(entries.begin(), entries.end() - 1, same);
    if (first == entries.end() - 1) return;
    errors_.add(entries.back().mark, "duplicate key " + in_quotes(first->key) +
                                         ", first given in line " +
                                         std::to_string(first->mark.line));
    entries.pop_back();
  }

  enum class Turn { Key, Value, Item };

  const YamlSource& source_;
  ErrorList& errors_;
  YamlValue root_;
  std::vector<YamlValue> open_;  // the maps and lists around the next event, outermost first
  std::vector<Turn> turns_;      // what each of them waits for
  size_t values_ = 0;
  size_t documents_ = 0;
};

// What yaml-cpp says, in words that help.
std::string explain(const std::string& message) {
  struct Translation {
    std::string_view from, to;
  };
  static constexpr std::array<Translation, 11> kTranslations = {{
      {"illegal map value",
       "a ':' where no key can end: check the indentation, or put the value in quotes"},
      {"illegal map key", "a key where none can stand: check the indentation"},
      {"illegal block entry", "a '-' where no list can start: check the indentation"},
      {"end of map not found", "this fits nothing above it: check the indentation and the quotes"},
      {"end of sequence not found",
       "this fits nothing above it: check the indentation and the quotes"},
      {"end of map flow not found", "the '{' that opens here is never closed"},
      {"end of sequence flow not found", "the '[' that opens here is never closed"},
      {"illegal EOF in scalar", "the file ends between quotes"},
      {"illegal flow end", "a closing bracket that nothing opened"},
      {"unknown token", "no value can start with this character: put the value in quotes"},
      {"the referenced anchor is not defined",
       "a value that starts with '*' is an alias: put it in quotes"},
  }};
  for (const Translation& translation : kTranslations) {
    if (message == translation.from) return std::string(translation.to);
  }
  return message;
}

}  // namespace

YamlValue parse_yaml(std::string_view text, ErrorList& errors) {
  const YamlSource source(text);
  if (!source.is_text(errors)) return {YamlValue::Kind::Refused, {}, {}, {}, {}};
  std::istringstream stream{std::string(source.remainder())};
  TreeBuilder builder(source, errors);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
    return builder.take_root();
  } catch (const StopReading&) {
  } catch (const YAML::Exception& exception) {
    const bool unclosed = exception.msg.find("flow not found") != std::string::npos;
    const Mark place = unclosed ? builder.innermost() : source.place_of(exception.mark);
    errors.add(place, "not valid YAML: " + explain(exception.msg));
  }
  return {YamlValue::Kind::Refused, {}, {}, {}, {}};
}

std::string_view plain_meaning(std::string_view text) {
  constexpr std::array kNull = {"", "~", "null", "Null", "NULL"};
  constexpr std::array kTruth = {"true", "True", "TRUE", "false", "False", "FALSE"};
  if (std::find(kNull.begin(), kNull.end(), text) != kNull.end()) return "nothing";
  if (std::find(kTruth.begin(), kTruth.end(), text) != kTruth.end()) return "a truth value";

  constexpr std::string_view kDigits = "0123456789";
  if (text.starts_with("0x") && text.size() > 2 &&
      text.find_first_not_of("0123456789abcdefABCDEF", 2) == std::string_view::npos) {
    return "a number";
  }
  if (text.starts_with("0o") && text.size() > 2 &&
      text.find_first_not_of("01234567", 2) == std::string_view::npos) {
    return "a number";
  }
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  if (text == ".inf" || text == ".Inf" || text == ".INF") return "a number";
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return "a number";
  const std::string_view head = text.substr(text.starts_with('.') ? 1 : 0, 1);
  if (head.empty() || kDigits.find(head) == std::string_view::npos) return {};
  double number = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  return result.ptr == text.data() + text.size() ? "a number" : "";
}

}  // namespace redoubt::config
