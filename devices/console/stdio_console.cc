// SPDX-License-Identifier: Apache-2.0
#include "devices/console/stdio_console.h"

#include <array>
#include <system_error>
#include <utility>

#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "devices/console/terminal_size.h"
#include "vmm/base/log.h"
#include "vmm/base/setup_error.h"

namespace redoubt {

namespace {

constexpr std::array kBlocked = {SIGTSTP, SIGCONT, SIGTTIN, SIGTTOU, SIGWINCH};

}  // namespace

StdioConsole::TerminalSignals::TerminalSignals() {
  sigset_t block;
  sigset_t before;
  sigset_t taken;
  for (sigset_t* set : {&block, &taken, &unblock_}) sigemptyset(set);
  for (const int signal : kBlocked) sigaddset(&block, signal);
  for (const int signal : {SIGTSTP, SIGCONT, SIGWINCH}) sigaddset(&taken, signal);
  fd_ = UniqueFd(::signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd_.valid()) throw_errno("signalfd");
  ::pthread_sigmask(SIG_BLOCK, &block, &before);
  for (const int signal : kBlocked) {
    if (sigismember(&before, signal) == 0) sigaddset(&unblock_, signal);
  }
}

StdioConsole::TerminalSignals::~TerminalSignals() {
  ::pthread_sigmask(SIG_UNBLOCK, &unblock_, nullptr);
}

StdioConsole::StdioConsole(EventLoop& loop, BorrowedFd input, BorrowedFd output,
                           std::function<void()> on_quit)
    : StreamConsole(loop), in_(input), escape_key_({.quit = std::move(on_quit), .help = [] {
                                                      log::info("console: {}", EscapeKey::kHelp);
                                                    }}) {
  attach_output(output);
  if (::isatty(in_.get()) == 1) {
    attach_terminal(loop);
  } else {
    input_.attach(StreamFd::share(in_, StreamFd::Direction::Read),
                  [] { log::debug("console: end of the input"); });
  }
}

StdioConsole::~StdioConsole() { flush(); }

void StdioConsole::attach_output(BorrowedFd output) {
  output_.attach(StreamFd::share(output, StreamFd::Direction::Write),
                 [](const std::error_code& error) {
                   log::warn("console: standard output: {}; what the guest writes is dropped",
                             error.message());
                 });
}

void StdioConsole::attach_terminal(EventLoop& loop) {
  if (!in_foreground(in_)) {
    log::info("console: in the background, so the terminal is left alone and gives no input");
    return;
  }
  signals_.emplace();
  signal_watch_ = loop.watch(signals_->fd(), EPOLLIN, [this](uint32_t) { on_signal(); });
  terminal_.emplace(in_);
  input_.attach_terminal(
      StreamFd::share(in_, StreamFd::Direction::Read),
      [this](std::span<std::byte> typed) { return escape_key_.filter(typed); },
      [] { log::info("console: the terminal has gone"); });
  log::info("console: escape key: {}", EscapeKey::kHelp);
}

std::optional<TerminalSize> StdioConsole::terminal_size() const {
  if (!terminal_) return std::nullopt;
  return size_of_terminal(in_);
}

void StdioConsole::on_signal() {
  signalfd_siginfo info{};
  while (::read(signals_->fd().get(), &info, sizeof(info)) == sizeof(info)) {
    if (info.ssi_signo == SIGTSTP) {
      input_.pause();
      terminal_->leave();
      ::kill(::getpid(), SIGSTOP);
      continue;
    }
    if (info.ssi_signo == SIGCONT && in_foreground(in_)) {
      terminal_->enter();
      input_.resume();
    }
    if (on_resize_) on_resize_();  // a terminal may also change while we are stopped
  }
}

}  // namespace redoubt
