// SPDX-License-Identifier: Apache-2.0
//
// PtyConsole: the guest's console as a new pseudo-terminal, for screen, minicom or the like.
// Whoever uses it may come, go and come again; what the guest writes meanwhile is kept, up to a
// limit.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "devices/console/stream_console.h"
#include "devices/console/terminal_size.h"
#include "vmm/base/event_loop.h"
#include "vmm/base/unique_fd.h"

namespace redoubt {

class PtyConsole final : public StreamConsole {
 public:
  // If `link` is not empty, it becomes a symbolic link to the terminal, removed at the end. One
  // that an earlier run left behind is replaced, anything else there is an error. Throws SetupError
  // or std::system_error.
  PtyConsole(EventLoop& loop, std::filesystem::path link);
  ~PtyConsole() override;

  [[nodiscard]] std::optional<TerminalSize> terminal_size() const override {
    return size_of_terminal(terminal_fd_);
  }

  // Such as /dev/pts/3.
  [[nodiscard]] const std::string& terminal() const { return terminal_; }

 private:
  void open_terminal(BorrowedFd master);
  void make_link();

  const std::filesystem::path link_;
  std::string terminal_;
  // Kept open by us too: while nobody has the terminal open, its other end would hang up.
  UniqueFd terminal_fd_;
};

}  // namespace redoubt
