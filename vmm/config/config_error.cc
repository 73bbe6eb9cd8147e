// SPDX-License-Identifier: Apache-2.0
#include "vmm/config/config_error.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "vmm/config/utf8.h"

namespace redoubt::config {

namespace {

constexpr size_t kLongestExcerpt = 200;  // bytes of a line that are shown

std::string joined(const std::vector<Diagnostic>& diagnostics) {
  std::string text;
  for (const Diagnostic& diagnostic : diagnostics) {
    if (!text.empty()) text += '\n';
    text += diagnostic.text();
  }
  return text;
}

std::string_view line_of(std::string_view text, uint32_t line) {
  for (; line > 1; --line) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  text = text.substr(0, text.find('\n'));
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

// The blanks that put a caret under the column, tabs being kept so that it stays there.
std::string blanks(std::string_view excerpt, uint32_t column) {
  std::string text;
  for (uint32_t i = 1; i < column; ++i) {
    text += excerpt.starts_with('\t') ? '\t' : ' ';
    excerpt.remove_prefix(std::min(excerpt.size(), std::max<size_t>(utf8_length(excerpt), 1)));
  }
  return text;
}

}  // namespace

std::string Diagnostic::text() const {
  std::string text = source;
  if (mark.line != 0) {
    text += ":" + std::to_string(mark.line) + ":" + std::to_string(mark.column);
  }
  return text + ": " + message;
}

ConfigError::ConfigError(std::vector<Diagnostic> diagnostics)
    : SetupError(joined(diagnostics), ExitStatus::BadConfig),
      diagnostics_(std::move(diagnostics)) {}

std::string ConfigError::render(Colors colors) const {
  const bool on = colors == Colors::On;
  const std::string_view bold = on ? "\x1b[1m" : "";
  const std::string_view red = on ? "\x1b[1;31m" : "";
  const std::string_view plain = on ? "\x1b[0m" : "";

  std::string text;
  for (const Diagnostic& diagnostic : diagnostics_) {
    const Diagnostic place{diagnostic.source, diagnostic.mark, {}, {}};
    text.append(bold).append(place.text()).append(plain);
    text.append(red).append("error: ").append(plain);
    text.append(bold).append(diagnostic.message).append(plain).append("\n");
    if (diagnostic.mark.line == 0 || diagnostic.excerpt.empty()) continue;
    const std::string number = std::to_string(diagnostic.mark.line);
    const std::string margin(std::max<size_t>(number.size(), 4), ' ');
    text.append(margin, 0, margin.size() - number.size()).append(number);
    text.append(" | ").append(diagnostic.excerpt).append("\n");
    if (diagnostic.mark.column > kLongestExcerpt) continue;
    text.append(margin).append(" | ").append(blanks(diagnostic.excerpt, diagnostic.mark.column));
    text.append(red).append("^").append(plain).append("\n");
  }
  return text;
}

void ErrorList::add(Mark mark, std::string message) {
  std::string excerpt = printable(line_of(text_, mark.line), kLongestExcerpt);
  in_file_.push_back({std::string(source_), mark, std::move(message), std::move(excerpt)});
}

void ErrorList::add_override(std::string_view key, std::string message) {
  in_overrides_.push_back({"--set " + printable(key), {}, std::move(message), {}});
}

void ErrorList::throw_if_any() {
  if (empty()) return;
  std::stable_sort(in_file_.begin(), in_file_.end(),
                   [](const Diagnostic& a, const Diagnostic& b) { return a.mark < b.mark; });
  std::move(in_overrides_.begin(), in_overrides_.end(), std::back_inserter(in_file_));
  throw ConfigError(std::move(in_file_));
}

// Cuts between characters, and replaces what a terminal could take as a command.
std::string printable(std::string_view text, size_t limit) {
  std::string safe;
  while (!text.empty() && safe.size() < limit) {
    const size_t length = utf8_length(text);
    // U+0080 to U+009F are the C1 controls.
    const bool c1 = length == 2 && text[0] == '\xc2' && static_cast<uint8_t>(text[1]) < 0xa0;
    if (length == 0 || c1 || is_control(text[0])) {
      safe += '?';
    } else {
      safe.append(text.substr(0, length));
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  if (!text.empty()) safe += "…";
  return safe;
}

std::string in_quotes(std::string_view text) { return '"' + printable(text) + '"'; }

}  // namespace redoubt::config
