// SPDX-License-Identifier: Apache-2.0
//
// The command line of redoubt: what the user asked for, as plain values.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "vmm/base/log.h"

namespace redoubt::cli {

// A configuration file and the --set options that go with it, for config::load_config().
struct ConfigArguments {
  std::filesystem::path file;
  std::vector<std::string> overrides;
};

struct RunCommand {
  ConfigArguments config;
  bool prove = false;                                 // at the end of the guest's life
  std::optional<std::filesystem::path> prove_report;  // implies prove
  bool stats = false;                                 // at the end of the guest's life
  std::optional<std::filesystem::path> stats_report;  // implies stats
  log::Level log_level = log::Level::Info;
};

struct CheckCommand {
  ConfigArguments config;
  bool json = false;
};

struct DoctorCommand {
  std::optional<ConfigArguments> config;
  bool json = false;
};

struct DtbCommand {
  ConfigArguments config;
  std::optional<std::filesystem::path> output;  // standard output otherwise
};

// --help, --version, schema, completion, man: the text is the answer, for standard output.
struct PrintCommand {
  std::string text;
};

using Command = std::variant<RunCommand, CheckCommand, DoctorCommand, DtbCommand, PrintCommand>;

// Throws SetupError with ExitStatus::Usage.
[[nodiscard]] Command parse_command_line(int argc, const char* const* argv,
                                         std::string_view version);

}  // namespace redoubt::cli
