// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>
#include <vector>

#include "vmm/cli/command_tree.h"
#include "vmm/cli/completion.h"
#include "vmm/cli/config_words.h"

namespace redoubt::cli {

namespace {

// For the inside of single quotes, with `special` characters behind backslashes.
std::string escape(std::string_view text, std::string_view special) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\'') {
      escaped += "'\\''";
      continue;
    }
    if (special.find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string set_function() {
  std::string text = "_redoubt_set() {\n  if compset -P 1 '*='; then\n    case ${IPREFIX%=} in\n";
  std::string keys;
  for (const ConfigWords& each : config_words()) {
    keys += "      '" + each.key + ":" + escape(each.title, "") + "'\n";
    const std::string pattern = "      (*" + any_item(each.key) + ") ";
    if (each.is_path) {
      text += pattern + "_files ;;\n";
    } else if (!each.values.empty()) {
      text += pattern + "compadd -- " + joined(each.values) + " ;;\n";
    }
  }
  return text + "    esac\n  else\n    local -a keys=(\n" + keys +
         "    )\n    local index=0\n"
         "    [[ $PREFIX =~ '\\[([0-9]+)' ]] && index=$match[1]\n"
         "    keys=(\"${keys[@]/\\[N\\]/[$index]}\")\n"
         "    _describe -t keys key keys -S =\n  fi\n}\n\n";
}

// ":CONFIG.yaml:_files …", the last parts of a specification for _arguments.
std::string action(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  if (const auto words = choices(option); !words.empty()) {
    return ":value:(" + joined(words) + ")";
  }
  if (type == kConfigType) return ":" + type + ":_files -g \"*.(yaml|yml)\"";
  if (type == kOverrideType) return ":" + type + ":_redoubt_set";
  return ":" + type + ":_files";
}

std::string specifications(const CLI::App& app) {
  std::string text;
  for (const CLI::Option* option : named_options(app)) {
    const bool takes_value = !argument(*option).empty();
    for (const std::string& name : names(*option)) {
      const bool is_long = name.starts_with("--");
      const std::string repeated = argument(*option) == kOverrideType ? "*" : "";
      const std::string form = repeated + name + (takes_value ? (is_long ? "=" : "+") : "");
      const std::string description = "[" + escape(option->get_description(), "[]:") + "]";
      text += " \\\n      '" + form + description + (takes_value ? action(*option) : "") + "'";
    }
  }
  if (const CLI::Option* option = positional(app); option != nullptr) {
    text += " \\\n      '1" + action(*option) + "'";
  }
  return text + "\n";
}

}  // namespace

std::string zsh_completion(const CLI::App& app) {
  std::string text = "#compdef redoubt\n# written by `redoubt completion zsh`\n\n" +
                     set_function() +
                     "_redoubt() {\n  local context state line\n  local -a subcommands=(\n";
  for (const CLI::App* subcommand : subcommands(app)) {
    text +=
        "    '" + subcommand->get_name() + ":" + escape(subcommand->get_description(), "") + "'\n";
  }
  text += "  )\n  _arguments -C" + specifications(app);
  text.pop_back();
  text +=
      " \\\n      '1:subcommand:->subcommand' '*::argument:->argument'\n"
      "  case $state in\n  (subcommand) _describe -t commands subcommand subcommands ;;\n"
      "  (argument)\n    case $words[1] in\n";
  for (const CLI::App* subcommand : subcommands(app)) {
    text += "    (" + subcommand->get_name() + ")\n      _arguments" + specifications(*subcommand) +
            "      ;;\n";
  }
  return text +
         "    esac\n    ;;\n  esac\n}\n\n"
         "if [ \"$funcstack[1]\" = _redoubt ]; then _redoubt \"$@\"; else compdef _redoubt "
         "redoubt; fi\n";
}

}  // namespace redoubt::cli
