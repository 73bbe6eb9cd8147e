// SPDX-License-Identifier: Apache-2.0
//
// redoubt(1), written from the command tree and the table of configuration keys.
#pragma once

#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

namespace redoubt::cli {

// In the language of man(7).
[[nodiscard]] std::string man_page(const CLI::App& app, std::string_view version);

}  // namespace redoubt::cli
