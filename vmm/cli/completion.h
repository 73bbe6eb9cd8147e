// SPDX-License-Identifier: Apache-2.0
//
// Completion scripts, written from the command tree and the table of configuration keys.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

namespace redoubt::cli {

[[nodiscard]] std::string bash_completion(const CLI::App& app);
[[nodiscard]] std::string zsh_completion(const CLI::App& app);
[[nodiscard]] std::string fish_completion(const CLI::App& app);

}  // namespace redoubt::cli
