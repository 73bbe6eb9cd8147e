// SPDX-License-Identifier: Apache-2.0
#include "vmm/signals.h"

#include <utility>

#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "vmm/base/setup_error.h"

namespace redoubt {

namespace {

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) sigaddset(&set, signal);
  return set;
}

}  // namespace

Signals::Signals(EventLoop& loop, Callbacks callbacks) : callbacks_(std::move(callbacks)) {
  const sigset_t set = handled_signals();
  if (::pthread_sigmask(SIG_BLOCK, &set, &previous_mask_) != 0) throw_errno("pthread_sigmask");
  for (const int signal : {SIGPIPE, SIGXFSZ}) {
    if (std::signal(signal, SIG_IGN) == SIG_ERR) throw_errno("signal");
  }
  fd_ = UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd_.valid()) throw_errno("signalfd");
  watch_ = loop.watch(fd_, EPOLLIN, [this](uint32_t) { on_readable(); });
}

Signals::~Signals() { ::pthread_sigmask(SIG_SETMASK, &previous_mask_, nullptr); }

void Signals::on_readable() {
  signalfd_siginfo info{};
  while (::read(fd_.get(), &info, sizeof(info)) == sizeof(info)) {
    switch (info.ssi_signo) {
      case SIGUSR1: callbacks_.prove(); break;
      case SIGINT: callbacks_.end(ExitStatus::Interrupted); break;
      case SIGHUP: callbacks_.end(ExitStatus::HungUp); break;
      default: callbacks_.end(ExitStatus::Terminated); break;
    }
  }
}

}  // namespace redoubt
