// SPDX-License-Identifier: Apache-2.0
//
// RawTerminal: a terminal in raw mode, and back in its former mode on every way out. The destructor
// restores it on the orderly ways. For all others (abort, a crash, _exit, SIGKILL, the kernel's
// out-of-memory killer) there is a guard: a child process that does nothing but wait, on a pipe,
// for the end of this one, and then restores the terminal if nobody else has. It is in a session of
// its own, so that what is sent to our process group or typed on the terminal does not reach it.
//
//   redoubt ──────────── pipe ───────────▶ redoubt-tty
//     │ raw mode           (closed by the     │ end of file: still raw? restore
//     ▼                     kernel at last)   ▼
//   terminal ◀─────────────────────────── terminal
//
// If a whole control group is killed at once, the guard dies too: `reset` helps then.
#pragma once

#include <sys/types.h>
#include <termios.h>

#include "vmm/base/unique_fd.h"

namespace redoubt {

// Whether this process may use the terminal `tty`: false for a background job of its session.
[[nodiscard]] bool in_foreground(BorrowedFd tty);

class RawTerminal {
 public:
  // Enters raw mode. `tty` must be a terminal, outlive this, and the process be in its foreground.
  // Throws std::system_error. Forks: best before guest memory is mapped.
  explicit RawTerminal(BorrowedFd tty);
  ~RawTerminal();
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

  // The former mode for a while, as long as the process is stopped; and back. Idempotent.
  void leave();
  void enter();

 private:
  void start_guard();

  const BorrowedFd tty_;
  termios saved_{};
  termios raw_{};
  UniqueFd alive_;  // the guard waits for its end
  pid_t guard_ = -1;
};

}  // namespace redoubt
