// SPDX-License-Identifier: Apache-2.0
#include "devices/console/raw_terminal.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <limits>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/base/log.h"
#include "vmm/base/setup_error.h"

namespace redoubt {

namespace {

bool same_mode(const termios& left, const termios& right) {
  return left.c_iflag == right.c_iflag && left.c_oflag == right.c_oflag &&
         left.c_cflag == right.c_cflag && left.c_lflag == right.c_lflag;
}

bool has_mode(int tty, const termios& mode) {
  termios now{};
  return ::tcgetattr(tty, &now) == 0 && same_mode(now, mode);
}

void close_all_but(int first, int second) {
  const auto low = static_cast<unsigned>(std::min(first, second));
  const auto high = static_cast<unsigned>(std::max(first, second));
  if (low > 0) ::close_range(0, low - 1, 0);
  if (high - low > 1) ::close_range(low + 1, high - 1, 0);
  ::close_range(high + 1, std::numeric_limits<unsigned>::max(), 0);
}

// The guard. It is a copy of a process that may have had threads, so it calls only what is safe in
// a signal handler.
[[noreturn]] void guard(int tty, int alive, const termios& saved, const termios& raw) {
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  ::setsid();
  ::prctl(PR_SET_NAME, "redoubt-tty");
  close_all_but(tty, alive);  // what else it has open would live as long as it does
  char nothing = 0;
  while (::read(alive, &nothing, 1) < 0 && errno == EINTR) {
  }
  // A shell may have been faster and have set a mode of its own.
  if (has_mode(tty, raw)) ::tcsetattr(tty, TCSANOW, &saved);
  ::_exit(0);
}

// Messages end in CR LF while the terminal they go to does not make one of LF.
void tell_log(bool raw) {
  if (::isatty(STDERR_FILENO) == 1) log::set_raw_terminal(raw);
}

}  // namespace

bool in_foreground(BorrowedFd tty) {
  const pid_t group = ::tcgetpgrp(tty.get());
  return group < 0 || group == ::getpgrp();  // -1: not our controlling terminal, no job control
}

RawTerminal::RawTerminal(BorrowedFd tty) : tty_(tty) {
  if (::tcgetattr(tty_.get(), &saved_) != 0) throw_errno("tcgetattr");
  raw_ = saved_;
  ::cfmakeraw(&raw_);
  start_guard();
  enter();
}

RawTerminal::~RawTerminal() {
  leave();
  alive_.reset();
  while (::waitpid(guard_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void RawTerminal::start_guard() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw_errno("pipe2");
  const UniqueFd watched(ends[0]);
  alive_ = UniqueFd(ends[1]);
  guard_ = ::fork();
  if (guard_ < 0) throw_errno("fork the guard of the terminal");
  if (guard_ == 0) {
    ::close(ends[1]);
    guard(tty_.get(), ends[0], saved_, raw_);
  }
}

void RawTerminal::enter() {
  // TCSANOW: waiting for output to drain would hang on a terminal stopped by Ctrl-S.
  ::tcsetattr(tty_.get(), TCSANOW, &raw_);
  tell_log(true);
}

void RawTerminal::leave() {
  // In the background the mode is somebody else's, unless it is still ours.
  if (in_foreground(tty_) || has_mode(tty_.get(), raw_)) {
    ::tcsetattr(tty_.get(), TCSANOW, &saved_);
  }
  tell_log(false);
}

}  // namespace redoubt
