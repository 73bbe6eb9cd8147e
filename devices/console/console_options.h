// SPDX-License-Identifier: Apache-2.0
//
// Where the guest's serial console goes: plain values, for the configuration.
#pragma once

#include <filesystem>

namespace redoubt {

enum class ConsoleKind {
  Stdio,   // standard input and output; a terminal is put into raw mode
  Pty,     // a new pseudo-terminal; `path`, if given, becomes a symbolic link to it
  File,    // output only, into the file `path`
  Socket,  // a listening unix socket at `path`, for one client at a time
  None,    // output is discarded
};

struct ConsoleOptions {
  ConsoleKind kind = ConsoleKind::Stdio;
  std::filesystem::path path;

  bool operator==(const ConsoleOptions&) const = default;
};

}  // namespace redoubt
