// SPDX-License-Identifier: Apache-2.0
//
// The serial console and the ports of the virtio console lead to the same kinds of places.
#pragma once

#include <array>
#include <string_view>

#include "vmm/config/config_keys.h"

namespace redoubt::config {

inline constexpr std::array kConsoleKinds = {
    Choice("stdio", ConsoleKind::Stdio, "this terminal, or whatever stdin and stdout are"),
    Choice("pty", ConsoleKind::Pty, "a new pseudoterminal; its name is printed at start"),
    Choice("file", ConsoleKind::File, "output goes to the file at path; there is no input"),
    Choice("socket", ConsoleKind::Socket, "a unix socket at path, for one client at a time"),
    Choice("none", ConsoleKind::None, "output is thrown away; there is no input"),
};

inline constexpr std::array<std::string_view, 2> kKindsWithPath = {"file", "socket"};
inline constexpr std::array<std::string_view, 2> kKindsWithoutPath = {"stdio", "none"};

// The key `path` beside such a type.
inline ConfigKey console_path(std::string_view example) {
  return {
      .name = "path",
      .type = KeyType::Path,
      .title = "File or socket",
      .description =
          "The file to write to or the socket to listen on; types file and socket need "
          "it. For pty, a symbolic link to make to the pseudoterminal; stdio and none "
          "take no path. A relative path starts from the folder of this file.",
      .example = example,
      .needed_by = kKindsWithPath,
      .refused_by = kKindsWithoutPath,
      .default_note = "none",
  };
}

}  // namespace redoubt::config
