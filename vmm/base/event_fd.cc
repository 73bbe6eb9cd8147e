// SPDX-License-Identifier: Apache-2.0
#include "vmm/base/event_fd.h"

#include <cstdint>

#include <sys/eventfd.h>
#include <unistd.h>

#include "vmm/base/setup_error.h"

namespace redoubt {

EventFd::EventFd() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!fd_.valid()) throw_errno("eventfd");
}

void EventFd::signal() {
  const uint64_t one = 1;
  // Fails only when the counter is saturated, that is, when the bell has been rung already.
  [[maybe_unused]] const ssize_t written = ::write(fd_.get(), &one, sizeof(one));
}

bool EventFd::drain() {
  uint64_t count = 0;
  return ::read(fd_.get(), &count, sizeof(count)) == sizeof(count);
}

}  // namespace redoubt
