// SPDX-License-Identifier: Apache-2.0
//
// Signals: the ones a user sends, taken on the loop instead of in handlers. Construct before any
// thread exists, because a thread inherits the mask.
//   SIGINT, SIGTERM, SIGHUP  end the guest
//   SIGUSR1                  prove
// SIGPIPE and SIGXFSZ are ignored: a reader that left and a file that has reached its limit are
// EPIPE and EFBIG for whoever writes.
#pragma once

#include <csignal>
#include <functional>

#include "vmm/base/event_loop.h"
#include "vmm/base/exit_status.h"
#include "vmm/base/unique_fd.h"

namespace redoubt {

class Signals {
 public:
  struct Callbacks {
    std::function<void(ExitStatus)> end;
    std::function<void()> prove;
  };

  Signals(EventLoop& loop, Callbacks callbacks);  // throws std::system_error
  ~Signals();                                     // restores the mask
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

 private:
  void on_readable();

  const Callbacks callbacks_;
  sigset_t previous_mask_{};
  UniqueFd fd_;
  EventLoop::Watch watch_;  // last: ends before the descriptor it watches
};

}  // namespace redoubt
