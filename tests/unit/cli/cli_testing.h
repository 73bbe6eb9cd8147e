// SPDX-License-Identifier: Apache-2.0
//
// Shorthands for tests of the command line.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tests/contains.h"
#include "vmm/base/setup_error.h"
#include "vmm/cli/command_line.h"

namespace redoubt::cli {

inline constexpr std::array<std::string_view, 7> kSubcommands = {
    "run", "check", "doctor", "dtb", "schema", "completion", "man"};

inline Command parse(const std::vector<const char*>& arguments) {
  std::vector<const char*> argv = {"redoubt"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return parse_command_line(static_cast<int>(argv.size()), argv.data(), "1.2.3");
}

// What `redoubt` with these arguments prints.
inline std::string printed(const std::vector<const char*>& arguments) {
  return std::get<PrintCommand>(parse(arguments)).text;
}

// What is wrong with the arguments; empty if nothing is.
inline std::string fault_of(const std::vector<const char*>& arguments) {
  try {
    static_cast<void>(parse(arguments));
    return {};
  } catch (const SetupError& error) {
    return error.status() == ExitStatus::Usage ? error.what() : "not a usage error";
  }
}

}  // namespace redoubt::cli
