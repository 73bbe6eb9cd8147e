// SPDX-License-Identifier: Apache-2.0
#include "tests/board/report/text.h"

#include "vmm/config/utf8.h"

namespace redoubt::report {

std::string clean(std::string_view text) {
  constexpr std::string_view kReplacement = "\ufffd";
  constexpr std::string_view kNoCharacters[] = {"\ufffe", "\uffff"};
  std::string result;
  while (!text.empty()) {
    const size_t length = config::utf8_length(text);
    const std::string_view character = text.substr(0, length);
    const bool refused =
        length == 0 || character == kNoCharacters[0] || character == kNoCharacters[1] ||
        (static_cast<unsigned char>(text[0]) < ' ' && text[0] != '\n' && text[0] != '\t');
    result += refused ? kReplacement : character;
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return result;
}

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : clean(text)) {
    switch (c) {
      case '&': result += "&amp;"; break;
      case '<': result += "&lt;"; break;
      case '>': result += "&gt;"; break;
      case '"': result += "&quot;"; break;
      default: result += c;
    }
  }
  return result;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return lines;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

}  // namespace redoubt::report
