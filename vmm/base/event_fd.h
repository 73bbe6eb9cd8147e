// SPDX-License-Identifier: Apache-2.0
//
// EventFd: an eventfd(2) counter used as a doorbell. Never blocks; usable from any thread and from
// signal handlers.
#pragma once

#include "vmm/base/unique_fd.h"

namespace redoubt {

class EventFd {
 public:
  EventFd();  // throws std::system_error

  void signal();
  // Resets the counter; true if it had been signalled.
  bool drain();
  [[nodiscard]] BorrowedFd fd() const { return fd_; }

 private:
  UniqueFd fd_;
};

}  // namespace redoubt
