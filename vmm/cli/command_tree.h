// SPDX-License-Identifier: Apache-2.0
//
// Questions about a CLI11 command tree, for those who write it out: help, completions, man page.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

namespace redoubt::cli {

// What stands for an argument in the tree, as CLI11's type name.
inline constexpr std::string_view kConfigType = "CONFIG.yaml";
inline constexpr std::string_view kOverrideType = "KEY=VALUE";
inline constexpr std::string_view kFileType = "FILE";

[[nodiscard]] std::vector<const CLI::App*> subcommands(const CLI::App& app);
[[nodiscard]] std::vector<const CLI::Option*> named_options(const CLI::App& app);
// nullptr if it takes none; no subcommand takes two.
[[nodiscard]] const CLI::Option* positional(const CLI::App& app);

// "--set", "-o": with their dashes, short ones first.
[[nodiscard]] std::vector<std::string> names(const CLI::Option& option);
// "KEY=VALUE"; empty for a flag.
[[nodiscard]] std::string argument(const CLI::Option& option);
// The words of an argument such as "bash|zsh|fish", or none.
[[nodiscard]] std::vector<std::string> choices(const CLI::Option& option);

// With blanks between them.
[[nodiscard]] std::string joined(const std::vector<std::string>& words);

}  // namespace redoubt::cli
