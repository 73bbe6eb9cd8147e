// SPDX-License-Identifier: Apache-2.0
//
// TimerFd: a timerfd(2) that expires once each time it is armed. Never blocks; arming is
// thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>

#include "vmm/base/unique_fd.h"

namespace redoubt {

class TimerFd {
 public:
  explicit TimerFd(clockid_t clock);  // throws std::system_error

  // Expires `delay`, more than nothing, from now.
  void arm_after(std::chrono::nanoseconds delay) noexcept;
  // CLOCK_REALTIME only: expires when the clock reads `seconds`, at once if that is past, and also
  // when somebody sets the clock: ask the time again and arm again.
  void arm_at(int64_t seconds) noexcept;
  void disarm() noexcept;
  // Ends the expiration that made the descriptor readable.
  void drain() noexcept;
  [[nodiscard]] BorrowedFd fd() const { return fd_; }

 private:
  void arm(int flags, const itimerspec& when) noexcept;

  UniqueFd fd_;
};

}  // namespace redoubt
