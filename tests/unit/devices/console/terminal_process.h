// SPDX-License-Identifier: Apache-2.0
//
// Processes with a terminal, for tests of what becomes of it. They end by _exit(), never return
// into the test, and tell what they found by their exit status.
#pragma once

#include <cerrno>
#include <csignal>
#include <functional>

#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "tests/unit/devices/console/support.h"

namespace redoubt {

struct Mode {
  tcflag_t input, output, control, local;
  bool operator==(const Mode&) const = default;
};

inline Mode mode_of(BorrowedFd tty) {
  termios mode{};
  if (::tcgetattr(tty.get(), &mode) != 0) return {};
  return {mode.c_iflag, mode.c_oflag, mode.c_cflag, mode.c_lflag};
}

inline bool is_raw(BorrowedFd tty) { return (mode_of(tty).local & (ICANON | ECHO | ISIG)) == 0; }

// Starts a process that runs `body`; its exit status is what `body` returns.
inline pid_t start(const std::function<int()>& body) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::_exit(body());
}

inline int wait_for(pid_t pid, int options = 0) {
  int status = 0;
  while (::waitpid(pid, &status, options) < 0 && errno == EINTR) {
  }
  return status;
}

// Waits for every descendant, also for those whose own parent died; see AdoptOrphans.
inline void wait_for_all() {
  while (::waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
  }
}

class AdoptOrphans {
 public:
  AdoptOrphans() { ::prctl(PR_SET_CHILD_SUBREAPER, 1); }
  ~AdoptOrphans() { ::prctl(PR_SET_CHILD_SUBREAPER, 0); }
  AdoptOrphans(const AdoptOrphans&) = delete;
  AdoptOrphans& operator=(const AdoptOrphans&) = delete;
};

// One process tells another that it has come so far.
class Milestone {
 public:
  void reach() const { (void)::write(pipe_.near.get(), "!", 1); }
  // False if the other process ended before.
  [[nodiscard]] bool wait() {
    pipe_.near.reset();
    char mark = 0;
    return ::read(pipe_.far.get(), &mark, 1) == 1;
  }

 private:
  Ends pipe_ = make_pipe(0);
};

}  // namespace redoubt
