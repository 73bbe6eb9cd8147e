// SPDX-License-Identifier: Apache-2.0
#include "devices/timer_fd.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include "vmm/base/setup_error.h"

namespace redoubt {

TimerFd::TimerFd(clockid_t clock) : fd_(::timerfd_create(clock, TFD_CLOEXEC | TFD_NONBLOCK)) {
  if (!fd_.valid()) throw_errno("timerfd_create");
}

void TimerFd::arm_after(std::chrono::nanoseconds delay) noexcept {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(delay);
  itimerspec when{};
  when.it_value.tv_sec = seconds.count();
  when.it_value.tv_nsec = (delay - seconds).count();
  arm(0, when);
}

void TimerFd::arm_at(int64_t seconds) noexcept {
  itimerspec when{};
  when.it_value.tv_sec = seconds;
  if (seconds == 0) when.it_value.tv_nsec = 1;  // an all-zero time would disarm
  arm(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, when);
}

void TimerFd::disarm() noexcept { arm(0, itimerspec{}); }

void TimerFd::arm(int flags, const itimerspec& when) noexcept {
  // Fails only for arguments the functions above do not make. ECANCELED tells of a clock that was
  // set in between; the timer is armed nevertheless.
  ::timerfd_settime(fd_.get(), flags, &when, nullptr);
}

void TimerFd::drain() noexcept {
  uint64_t expirations = 0;
  // ECANCELED, after the clock was set, ends the readiness too.
  [[maybe_unused]] const ssize_t size = ::read(fd_.get(), &expirations, sizeof(expirations));
}

}  // namespace redoubt
