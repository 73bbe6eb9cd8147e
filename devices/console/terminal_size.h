// SPDX-License-Identifier: Apache-2.0
//
// The size of a terminal, as the kernel keeps it.
#pragma once

#include <optional>

#include "devices/console/console_backend.h"
#include "vmm/base/unique_fd.h"

namespace redoubt {

// Nothing, if `tty` is no terminal or nobody has set its size.
[[nodiscard]] std::optional<TerminalSize> size_of_terminal(BorrowedFd tty);

}  // namespace redoubt
