// SPDX-License-Identifier: Apache-2.0
//
// What --help and the man page both tell besides the options themselves.
#pragma once

#include <span>
#include <string_view>

#include "vmm/base/exit_status.h"

namespace redoubt::cli {

// A term and what it means: an example, a signal, a file.
struct Entry {
  std::string_view term;
  std::string_view meaning;
};

[[nodiscard]] std::span<const Entry> examples();
[[nodiscard]] std::span<const Entry> signals();
[[nodiscard]] std::span<const Entry> keys();
[[nodiscard]] std::span<const ExitStatus> exit_statuses();

// "run" and the like: a paragraph or two about a subcommand, below its options.
[[nodiscard]] std::string_view about(std::string_view subcommand);

}  // namespace redoubt::cli
