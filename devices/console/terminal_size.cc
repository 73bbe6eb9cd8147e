// SPDX-License-Identifier: Apache-2.0
#include "devices/console/terminal_size.h"

#include <sys/ioctl.h>

namespace redoubt {

std::optional<TerminalSize> size_of_terminal(BorrowedFd tty) {
  winsize size{};
  if (::ioctl(tty.get(), TIOCGWINSZ, &size) != 0) return std::nullopt;
  if (size.ws_col == 0 || size.ws_row == 0) return std::nullopt;
  return TerminalSize{.columns = size.ws_col, .rows = size.ws_row};
}

}  // namespace redoubt
