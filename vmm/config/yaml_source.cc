// SPDX-License-Identifier: Apache-2.0
#include "vmm/config/yaml_source.h"

#include <algorithm>

#include "vmm/config/utf8.h"

namespace redoubt::config {

YamlSource::YamlSource(std::string_view text) : text_(text) {
  while (skipped_ < text_.size()) {
    const size_t content = text_.find_first_not_of(" \t\r", skipped_);
    if (content == std::string_view::npos) return;
    if (text_[content] != '#' && text_[content] != '\n') return;
    const size_t end = text_.find('\n', content);
    if (end == std::string_view::npos) return;
    skipped_ = end + 1;
    ++skipped_lines_;
  }
}

std::string_view YamlSource::fault_at(size_t position, size_t length, bool line_start) const {
  const char c = text_[position];
  const std::string_view rest = text_.substr(position);
  if (length == 0) return "not UTF-8: this is not a text file";
  if (c == '\0') return "a NUL byte: this is not a text file";
  if (is_control(c) && c != '\n' && !rest.starts_with("\r\n")) return "a control character";
  if (c == '\t' && line_start) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    const size_t content = line.find_first_not_of(" \t\r");
    if (content != std::string_view::npos && line[content] != '#') {
      return "a tab in the indentation: YAML indents with spaces";
    }
  }
  return {};
}

bool YamlSource::is_text(ErrorList& errors) const {
  bool line_start = true;
  for (size_t i = 0; i < text_.size();) {
    const size_t length = utf8_length(text_.substr(i));
    if (const std::string_view fault = fault_at(i, length, line_start); !fault.empty()) {
      errors.add(place_of(i), std::string(fault));
      return false;
    }
    const char c = text_[i];
    line_start = c == '\n' || (line_start && (c == ' ' || c == '\t'));
    i += length;
  }
  return true;
}

size_t YamlSource::position_of(const YAML::Mark& mark) const {
  return std::min(text_.size(), skipped_ + static_cast<size_t>(std::max(mark.pos, 0)));
}

Mark YamlSource::place_of(const YAML::Mark& mark) const {
  const uint32_t line = skipped_lines_ + static_cast<uint32_t>(std::max(mark.line, 0)) + 1;
  return {line, column_at(position_of(mark))};
}

Mark YamlSource::place_of(size_t position) const {
  const std::string_view before = text_.substr(0, position);
  const auto line_feeds = std::count(before.begin(), before.end(), '\n');
  return {static_cast<uint32_t>(1 + line_feeds), column_at(position)};
}

uint32_t YamlSource::column_at(size_t position) const {
  const std::string_view before = text_.substr(0, position);
  // npos + 1 is 0.
  return static_cast<uint32_t>(1 + utf8_count(before.substr(before.rfind('\n') + 1)));
}

}  // namespace redoubt::config
