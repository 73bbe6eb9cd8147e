// SPDX-License-Identifier: Apache-2.0
//
// `redoubt --help` and `redoubt SUBCOMMAND --help`.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

namespace redoubt::cli {

// `app` is the whole tree or one of its subcommands.
[[nodiscard]] std::string help_text(const CLI::App& app);

}  // namespace redoubt::cli
