// SPDX-License-Identifier: Apache-2.0
//
// The text of a YAML file, and how the positions that yaml-cpp reports relate to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <yaml-cpp/mark.h>

#include "vmm/config/config_error.h"

namespace redoubt::config {

class YamlSource {
 public:
  explicit YamlSource(std::string_view text);  // must outlive the source

  // Reports the first thing that no YAML file can hold, or that yaml-cpp would misread.
  [[nodiscard]] bool is_text(ErrorList& errors) const;

  [[nodiscard]] std::string_view text() const { return text_; }
  // What yaml-cpp is to read: it takes some hundred instructions for each character of a comment,
  // so it is spared the one that most files begin with.
  [[nodiscard]] std::string_view remainder() const { return text_.substr(skipped_); }

  // Where in text() a mark of yaml-cpp is, whose positions count from the remainder.
  [[nodiscard]] size_t position_of(const YAML::Mark& mark) const;
  [[nodiscard]] Mark place_of(const YAML::Mark& mark) const;

 private:
  [[nodiscard]] Mark place_of(size_t position) const;
  [[nodiscard]] uint32_t column_at(size_t position) const;
  // What is wrong with the character at `position`, or nothing.
  [[nodiscard]] std::string_view fault_at(size_t position, size_t length, bool line_start) const;

  std::string_view text_;
  size_t skipped_ = 0;
  uint32_t skipped_lines_ = 0;
};

}  // namespace redoubt::config
