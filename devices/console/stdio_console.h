// SPDX-License-Identifier: Apache-2.0
//
// StdioConsole: the guest's console on standard input and output. If the input is a terminal, it is
// put into raw mode (raw_terminal.h) and has an escape key (escape_key.h). Job control works: a
// SIGTSTP gives the terminal back until SIGCONT, and a process started in the background leaves it
// alone and has no input. A SIGWINCH tells of a new size of the terminal.
#pragma once

#include <csignal>
#include <functional>
#include <optional>
#include <utility>

#include "devices/console/escape_key.h"
#include "devices/console/raw_terminal.h"
#include "devices/console/stream_console.h"
#include "vmm/base/event_loop.h"
#include "vmm/base/unique_fd.h"

namespace redoubt {

class StdioConsole final : public StreamConsole {
 public:
  // `input` and `output` must outlive the console. `on_quit` is called on the loop thread when the
  // escape key says so; it may not destroy the console. Construct before any thread exists, because
  // a thread inherits the signal mask. Throws SetupError or std::system_error.
  StdioConsole(EventLoop& loop, BorrowedFd input, BorrowedFd output, std::function<void()> on_quit);
  ~StdioConsole() override;

  // Nothing, if the terminal is not ours to use.
  [[nodiscard]] std::optional<TerminalSize> terminal_size() const override;
  void watch_terminal_size(Notice on_change) override { on_resize_ = std::move(on_change); }

 private:
  // Blocks the signals of a terminal: the loop takes SIGTSTP, SIGCONT and SIGWINCH from a signalfd,
  // and the terminal does not stop us for what we do to it.
  class TerminalSignals {
   public:
    TerminalSignals();
    ~TerminalSignals();
    TerminalSignals(const TerminalSignals&) = delete;
    TerminalSignals& operator=(const TerminalSignals&) = delete;
    [[nodiscard]] BorrowedFd fd() const { return fd_; }

   private:
    sigset_t unblock_{};  // what was not blocked before
    UniqueFd fd_;
  };

  void attach_output(BorrowedFd output);
  void attach_terminal(EventLoop& loop);
  void on_signal();

  const BorrowedFd in_;
  EscapeKey escape_key_;
  Notice on_resize_;
  std::optional<TerminalSignals> signals_;
  std::optional<RawTerminal> terminal_;
  EventLoop::Watch signal_watch_;
};

}  // namespace redoubt
