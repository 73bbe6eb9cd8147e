// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/command_tree.h"

namespace redoubt::cli {

std::vector<const CLI::App*> subcommands(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::vector<const CLI::Option*> named_options(const CLI::App& app) {
  return app.get_options([](const CLI::Option* option) { return option->nonpositional(); });
}

const CLI::Option* positional(const CLI::App& app) {
  const auto found =
      app.get_options([](const CLI::Option* option) { return option->get_positional(); });
  return found.empty() ? nullptr : found.front();
}

std::vector<std::string> names(const CLI::Option& option) {
  std::vector<std::string> all;
  for (const std::string& name : option.get_snames()) all.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) all.push_back("--" + name);
  return all;
}

std::string argument(const CLI::Option& option) {
  return option.get_items_expected_max() == 0 ? "" : option.get_type_name();
}

std::vector<std::string> choices(const CLI::Option& option) {
  const std::string type = argument(option);
  if (type.find('|') == std::string::npos) return {};
  return CLI::detail::split(type, '|');
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace redoubt::cli
