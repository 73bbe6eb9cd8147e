// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/help.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

#include "vmm/base/exit_status.h"
#include "vmm/cli/command_tree.h"
#include "vmm/cli/manual.h"

namespace redoubt::cli {

namespace {

constexpr size_t kColumn = 30;  // where explanations begin
constexpr size_t kWidth = 96;

// Lines of words, each beginning at kColumn; the first one goes on where the text is now.
std::string wrapped(std::string_view words, size_t column) {
  std::string text;
  while (!words.empty()) {
    const std::string_view word = words.substr(0, words.find(' '));
    words.remove_prefix(std::min(words.size(), word.size() + 1));
    if (column + 1 + word.size() > kWidth && column > kColumn) {
      text.append("\n").append(kColumn, ' ');
      column = kColumn;
    } else if (column > kColumn) {
      text += ' ';
      ++column;
    }
    text += word;
    column += word.size();
  }
  return text + "\n";
}

std::string row(const std::string& term, std::string_view meaning) {
  std::string text = "  " + term;
  if (text.size() + 2 > kColumn) {
    text.append("\n").append(kColumn, ' ');
  } else {
    text.append(kColumn - text.size(), ' ');
  }
  return text + wrapped(meaning, kColumn);
}

std::string rows(std::string_view title, std::span<const Entry> entries) {
  std::string text = "\n" + std::string(title) + ":\n";
  for (const Entry& entry : entries) text += row(std::string(entry.term), entry.meaning);
  return text;
}

std::string option_row(const CLI::Option& option) {
  std::string term;
  for (const std::string& name : names(option)) term += (term.empty() ? "" : ", ") + name;
  const std::string value = argument(option);
  std::string meaning = option.get_description();
  if (const std::string fallback = option.get_default_str(); !fallback.empty()) {
    meaning += " (" + fallback + ")";
  }
  return row(value.empty() ? term : term + " " + value, meaning);
}

std::string usage(const CLI::App& app) {
  std::string text = "Usage: redoubt";
  if (app.get_parent() == nullptr) return text + " SUBCOMMAND [OPTIONS]\n";
  text += " " + app.get_name();
  if (const CLI::Option* argument_ = positional(app); argument_ != nullptr) {
    const std::string name = argument_->get_type_name();
    text += argument_->get_required() ? " " + name : " [" + name + "]";
  }
  return text + (named_options(app).empty() ? "\n" : " [OPTIONS]\n");
}

std::string everything() {
  std::string text = "\nEXAMPLES:\n";
  for (const Entry& example : examples()) {
    text.append("  ").append(example.term);
    text.append("\n      ").append(example.meaning).append("\n");
  }
  text += rows("KEYS, with the console on a terminal", keys());
  text += rows("SIGNALS, while a guest runs", signals());
  text += "\nEXIT CODES:\n";
  for (const ExitStatus status : exit_statuses()) {
    const std::string number = std::to_string(static_cast<int>(status));
    text.append(5 - number.size(), ' ').append(number).append("  ");
    text.append(describe(status)).append("\n");
  }
  return text +
         "\nA guest is described by one YAML file: redoubt schema lists its keys, redoubt man is "
         "the\n"
         "whole manual, and redoubt SUBCOMMAND --help tells more about each subcommand.\n";
}

}  // namespace

std::string help_text(const CLI::App& app) {
  std::string text = app.get_description() + "\n\n" + usage(app);
  if (const auto inner = subcommands(app); !inner.empty()) {
    text += "\nSUBCOMMANDS:\n";
    for (const CLI::App* subcommand : inner) {
      text += row(subcommand->get_name(), subcommand->get_description());
    }
  }
  if (const auto options = named_options(app); !options.empty()) {
    text += "\nOPTIONS:\n";
    for (const CLI::Option* option : options) text += option_row(*option);
  }
  if (app.get_parent() == nullptr) return text + everything();
  const std::string_view paragraph = about(app.get_name());
  return paragraph.empty() ? text : text.append("\n").append(paragraph).append("\n");
}

}  // namespace redoubt::cli
