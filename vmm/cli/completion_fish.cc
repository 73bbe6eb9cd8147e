// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>

#include "vmm/cli/command_tree.h"
#include "vmm/cli/completion.h"
#include "vmm/cli/config_words.h"

namespace redoubt::cli {

namespace {

std::string quote(std::string_view text) {
  std::string quoted_text = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted_text += '\\';
    quoted_text += c;
  }
  return quoted_text + "'";
}

// Offers each item of a list under the index that is being typed, or 0.
std::string set_function() {
  std::string text =
      "function __redoubt_set\n"
      "  set -l index (commandline -ct | string match -r '\\[(\\d+)')[2]\n"
      "  test -n \"$index\"; or set index 0\n"
      "  printf '%s\\t%s\\n'";
  for (const ConfigWords& each : config_words()) {
    const std::string title = " " + quote(each.title);
    if (each.values.empty() || each.values.front() == "auto") {
      text += " \\\n    " + quote(each.key + "=") + title;
    }
    for (const std::string& value : each.values) {
      text += " \\\n    " + quote(each.key + "=" + value) + title;
    }
  }
  return text + " |\n    string replace '[N]' \"[$index]\"\nend\n\n";
}

// What completes the argument of `option`, as arguments of fish's own `complete`.
std::string action(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  if (const auto words = choices(option); !words.empty()) {
    std::string text = "-x -a '";
    for (const std::string& word : words) text += word + " ";
    text.back() = '\'';
    return text;
  }
  if (type == kConfigType) return "-k -x -a '(__fish_complete_suffix .yaml)'";
  if (type == kOverrideType) return "-x -a '(__redoubt_set)'";
  return "-r -F";
}

std::string option_lines(const CLI::App& app, const std::string& condition) {
  std::string text;
  for (const CLI::Option* option : named_options(app)) {
    text += "complete -c redoubt -n " + condition;
    for (const std::string& name : option->get_snames()) text += " -s " + name;
    for (const std::string& name : option->get_lnames()) text += " -l " + name;
    if (!argument(*option).empty()) text += " " + action(*option);
    text += " -d " + quote(option->get_description()) + "\n";
  }
  return text;
}

}  // namespace

std::string fish_completion(const CLI::App& app) {
  std::string text = "# written by `redoubt completion fish`\n\n" + set_function() +
                     "complete -c redoubt -f\n" + option_lines(app, "__fish_use_subcommand");
  for (const CLI::App* subcommand : subcommands(app)) {
    const std::string& name = subcommand->get_name();
    text += "\ncomplete -c redoubt -n __fish_use_subcommand -a " + name + " -d " +
            quote(subcommand->get_description()) + "\n";
    const std::string condition = "'__fish_seen_subcommand_from " + name + "'";
    text += option_lines(*subcommand, condition);
    if (const CLI::Option* option = positional(*subcommand); option != nullptr) {
      text += "complete -c redoubt -n " + condition + " " + action(*option) + "\n";
    }
  }
  return text;
}

}  // namespace redoubt::cli
