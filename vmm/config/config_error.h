// SPDX-License-Identifier: Apache-2.0
//
// What is wrong with a configuration: every fault that one pass finds, each with its place, as a
// compiler reports them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/base/setup_error.h"

namespace redoubt::config {

// A place in a file; lines and columns count from 1, columns in characters. Line 0: the whole file.
struct Mark {
  uint32_t line = 0;
  uint32_t column = 0;

  auto operator<=>(const Mark&) const = default;
};

struct Diagnostic {
  std::string source;  // the file as the user named it, or "--set KEY"
  Mark mark;           // in a file only
  std::string message;
  std::string excerpt;  // the line of the file, without its end; may be empty

  // "vm.yaml:3:7: cpus: expected …" or "--set cpus: expected …"
  [[nodiscard]] std::string text() const;
};

enum class Colors { Off, On };

// Exits with ExitStatus::BadConfig. what() holds the text of each diagnostic on a line of its own.
class ConfigError : public SetupError {
 public:
  explicit ConfigError(std::vector<Diagnostic> diagnostics);

  [[nodiscard]] const std::vector<Diagnostic>& diagnostics() const { return diagnostics_; }

  // For people: each diagnostic with the line it is about and a caret below the place. Ends with a
  // line feed.
  [[nodiscard]] std::string render(Colors colors) const;

 private:
  std::vector<Diagnostic> diagnostics_;
};

// Collects diagnostics about one file and the --set options that go with it.
class ErrorList {
 public:
  // Both must outlive the list.
  ErrorList(std::string_view source, std::string_view text) : source_(source), text_(text) {}

  void add(Mark mark, std::string message);
  void add_override(std::string_view key, std::string message);
  [[nodiscard]] bool empty() const { return in_file_.empty() && in_overrides_.empty(); }

  // Throws a ConfigError if there is anything to report, the file's faults first and in order.
  void throw_if_any();

 private:
  std::string_view source_;
  std::string_view text_;
  std::vector<Diagnostic> in_file_;
  std::vector<Diagnostic> in_overrides_;
};

// What the user wrote, made safe to be printed and, in a message, short.
inline constexpr size_t kLongestQuote = 60;
[[nodiscard]] std::string printable(std::string_view text, size_t limit = kLongestQuote);
[[nodiscard]] std::string in_quotes(std::string_view text);

}  // namespace redoubt::config
