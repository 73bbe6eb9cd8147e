// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>
#include <vector>

#include "vmm/cli/command_tree.h"
#include "vmm/cli/completion.h"
#include "vmm/cli/config_words.h"

namespace redoubt::cli {

namespace {

constexpr std::string_view kHead =
    R"(# bash completion for redoubt; written by `redoubt completion bash`

_redoubt_words() {
  mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
}

_redoubt_files() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

_redoubt_configs() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -f -X '!*.yaml' -- "$1"; compgen -f -X '!*.yml' -- "$1"
    compgen -d -- "$1")
}

# Offers each item of a list under the index that is being typed, or 0.
_redoubt_keys() {
  local index=0
  [[ $2 =~ \[([0-9]+) ]] && index=${BASH_REMATCH[1]}
  compopt -o nospace 2>/dev/null
  _redoubt_words "${1//\[N\]/[$index]}" "$2"
}

_redoubt() {
  local current="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD - 1]}"
  local subcommand="${COMP_WORDS[1]}"
  COMPREPLY=()
  # bash breaks words at '=': KEY=VALUE arrives as KEY, =, VALUE.
  if [[ $current == "=" ]]; then
    current=""
  elif [[ $before == "=" ]]; then
    before="${COMP_WORDS[COMP_CWORD - 2]}"
  fi
)";

std::string pattern(const std::string& name, const std::string& action) {
  return "    " + name + ") " + action + "; return ;;\n";
}

// What completes the argument of an option, or a positional one.
std::string argument_action(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  if (const auto words = choices(option); !words.empty()) {
    return "_redoubt_words \"" + joined(words) + "\" \"$current\"";
  }
  if (type == kConfigType) return "_redoubt_configs \"$current\"";
  if (type == kOverrideType) {
    std::vector<std::string> keys;
    for (const ConfigWords& each : config_words()) keys.push_back(each.key + "=");
    return "_redoubt_keys \"" + joined(keys) + "\" \"$current\"";
  }
  return "_redoubt_files \"$current\"";
}

std::string after_equals() {
  std::string text = "  case \"$before\" in\n";
  for (const ConfigWords& each : config_words()) {
    if (each.is_path) {
      text += pattern(any_item(each.key), "_redoubt_files \"$current\"");
    } else if (!each.values.empty()) {
      text += pattern(any_item(each.key),
                      "_redoubt_words \"" + joined(each.values) + "\" \"$current\"");
    }
  }
  return text + "  esac\n";
}

std::string of_subcommand(const CLI::App& app) {
  std::string text = "  " + app.get_name() + ")\n    case \"$before\" in\n";
  std::vector<std::string> all;
  for (const CLI::Option* option : named_options(app)) {
    std::string alternatives;
    for (const std::string& name : names(*option)) {
      all.push_back(name);
      alternatives += (alternatives.empty() ? "" : "|") + name;
    }
    if (!argument(*option).empty()) {
      text += "  " + pattern(alternatives, argument_action(*option));
    }
  }
  text += "    esac\n    if [[ $current == -* ]]; then\n      _redoubt_words \"" + joined(all) +
          "\" \"$current\"\n";
  if (const CLI::Option* option = positional(app); option != nullptr) {
    text += "    else\n      " + argument_action(*option) + "\n";
  }
  return text + "    fi\n    ;;\n";
}

}  // namespace

std::string bash_completion(const CLI::App& app) {
  std::vector<std::string> first;
  for (const CLI::App* subcommand : subcommands(app)) first.push_back(subcommand->get_name());
  for (const CLI::Option* option : named_options(app)) {
    for (const std::string& name : names(*option)) first.push_back(name);
  }
  std::string text(kHead);
  text += "  if ((COMP_CWORD == 1)); then\n    _redoubt_words \"" + joined(first) +
          "\" \"$current\"\n    return\n  fi\n";
  text += after_equals();
  text += "  case \"$subcommand\" in\n";
  for (const CLI::App* subcommand : subcommands(app)) text += of_subcommand(*subcommand);
  return text + "  esac\n}\n\ncomplete -F _redoubt redoubt\n";
}

}  // namespace redoubt::cli
