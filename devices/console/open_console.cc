// SPDX-License-Identifier: Apache-2.0
#include "devices/console/open_console.h"

#include <utility>

#include <unistd.h>

#include "devices/console/file_console.h"
#include "devices/console/pty_console.h"
#include "devices/console/socket_console.h"
#include "devices/console/stdio_console.h"
#include "devices/console/stream_console.h"
#include "vmm/base/unique_fd.h"

namespace redoubt {

std::unique_ptr<ConsoleBackend> open_console(const ConsoleOptions& options, EventLoop& loop,
                                             std::function<void()> on_quit) {
  switch (options.kind) {
    case ConsoleKind::Stdio:
      return std::make_unique<StdioConsole>(loop, BorrowedFd(STDIN_FILENO),
                                            BorrowedFd(STDOUT_FILENO), std::move(on_quit));
    case ConsoleKind::Pty: return std::make_unique<PtyConsole>(loop, options.path);
    case ConsoleKind::File: return std::make_unique<FileConsole>(loop, options.path);
    case ConsoleKind::Socket: return std::make_unique<SocketConsole>(loop, options.path);
    case ConsoleKind::None: break;
  }
  return std::make_unique<StreamConsole>(loop);
}

}  // namespace redoubt
