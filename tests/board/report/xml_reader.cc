// SPDX-License-Identifier: Apache-2.0
#include "tests/board/report/xml_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

namespace redoubt::report {

namespace {

constexpr int kMaxDepth = 64;
constexpr std::string_view kSpace = " \t\r\n";

std::string utf8(uint32_t character) {
  const auto continuation = [character](int shift) {
    return static_cast<char>(0x80 | (character >> shift & 0x3f));
  };
  const auto first = [character](int shift, unsigned mark) {
    return static_cast<char>(mark | character >> shift);
  };
  if (character < 0x80) return {first(0, 0)};
  if (character < 0x800) return {first(6, 0xc0), continuation(0)};
  if (character < 0x1'0000) return {first(12, 0xe0), continuation(6), continuation(0)};
  return {first(18, 0xf0), continuation(12), continuation(6), continuation(0)};
}

bool is_of_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == ':' || c == '.';
}

class Reader {
 public:
  explicit Reader(std::string_view document) : all_(document), rest_(document) {}

  XmlElement document() {
    skip_between();
    if (!take("<")) fail("no element");
    XmlElement root = element(0);
    skip_between();
    if (!rest_.empty()) fail("something follows the outermost element");
    return root;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    const std::string_view before = all_.substr(0, all_.size() - rest_.size());
    throw XmlError("line " + std::to_string(std::count(before.begin(), before.end(), '\n') + 1) +
                   ": " + what);
  }

  bool take(std::string_view token) {
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }

  // Everything up to `end`, which is taken too.
  std::string_view take_until(std::string_view end) {
    const size_t size = rest_.find(end);
    if (size == std::string_view::npos) fail("no " + std::string(end));
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size + end.size());
    return taken;
  }

  void skip_space() {
    rest_.remove_prefix(std::min(rest_.size(), rest_.find_first_not_of(kSpace)));
  }

  // What is no element and no text: true if there was any.
  bool skip_other() {
    if (take("<!--")) return take_until("-->"), true;
    if (take("<?")) return take_until("?>"), true;
    return false;
  }

  // Before and after the outermost element.
  void skip_between() {
    for (bool more = true; more;) {
      skip_space();
      more = skip_other();
      if (!more && take("<!DOCTYPE")) {
        if (take_until(">").find('[') != std::string_view::npos) fail("a document type of its own");
        more = true;
      }
    }
  }

  std::string name() {
    const auto* const end = std::find_if_not(rest_.begin(), rest_.end(), is_of_name);
    const auto size = static_cast<size_t>(end - rest_.begin());
    if (size == 0) fail("no name");
    const std::string taken(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return taken;
  }

  // After the &.
  std::string reference() {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kEntities = {
        {{"amp", "&"}, {"lt", "<"}, {"gt", ">"}, {"quot", "\""}, {"apos", "'"}}};
    const std::string_view body = take_until(";");
    for (const auto& [entity, meaning] : kEntities) {
      if (body == entity) return std::string(meaning);
    }
    if (!body.starts_with('#')) fail("no entity &" + std::string(body.substr(0, 20)) + ";");
    const bool hex = body.starts_with("#x");
    const std::string_view digits = body.substr(hex ? 2 : 1);
    uint32_t character = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), character, hex ? 16 : 10);
    if (error != std::errc() || end != digits.data() + digits.size() || character > 0x10'ffff ||
        character == 0 || (character >= 0xd800 && character < 0xe000)) {
      fail("no character &" + std::string(body.substr(0, 20)) + ";");
    }
    return utf8(character);
  }

  // Text with references up to, and without, one of `ends`.
  std::string text_until(std::string_view ends) {
    std::string text;
    while (true) {
      const size_t size = rest_.find_first_of(ends);
      const size_t ampersand = rest_.find('&');
      if (size == std::string_view::npos) fail("the document is cut short");
      const size_t plain = std::min(size, ampersand);
      text += rest_.substr(0, plain);
      rest_.remove_prefix(plain);
      if (plain == size) return text;
      rest_.remove_prefix(1);
      text += reference();
    }
  }

  void attributes(XmlElement& element) {
    for (skip_space(); !rest_.empty() && is_of_name(rest_.front()); skip_space()) {
      std::string key = name();
      skip_space();
      if (!take("=")) fail("no = after " + key);
      skip_space();
      const std::string_view quote = rest_.substr(0, 1);
      if (quote != "\"" && quote != "'") fail("no quote after " + key + "=");
      rest_.remove_prefix(1);
      std::string value = text_until(quote);
      rest_.remove_prefix(1);
      const bool is_new = element.attributes.emplace(key, std::move(value)).second;
      if (!is_new) fail("a second " + key);
    }
  }

  // After the <.
  XmlElement element(int depth) {
    if (depth == kMaxDepth) fail("nested too deep");
    XmlElement element;
    element.name = name();
    attributes(element);
    if (take("/>")) return element;
    if (!take(">")) fail("no > after " + element.name);
    while (true) {
      element.text += text_until("<");
      if (skip_other()) continue;
      if (take("<![CDATA[")) {
        element.text += take_until("]]>");
      } else if (take("</")) {
        if (name() != element.name) fail("another end than that of " + element.name);
        skip_space();
        if (!take(">")) fail("no > after the end of " + element.name);
        return element;
      } else {
        take("<");
        element.children.push_back(this->element(depth + 1));
      }
    }
  }

  std::string_view all_;
  std::string_view rest_;
};

}  // namespace

std::string XmlElement::attribute(std::string_view key) const {
  const auto found = attributes.find(key);
  return found == attributes.end() ? std::string() : found->second;
}

XmlElement read_xml(std::string_view document) { return Reader(document).document(); }

}  // namespace redoubt::report
