// SPDX-License-Identifier: Apache-2.0
#include "devices/vhost/vhost_faults.h"

#include <utility>

#include <sys/epoll.h>

namespace redoubt {

VhostFaults::VhostFaults(EventLoop& loop, std::function<void(std::string_view)> fail)
    : fail_(std::move(fail)),
      watch_(loop.watch(event_.fd(), EPOLLIN, [this](uint32_t) { on_event(); })) {}

void VhostFaults::begin() { why_.clear(); }

void VhostFaults::report(std::string why) {
  why_ = std::move(why);
  event_.signal();
}

void VhostFaults::on_event() {
  // A reset in the meantime has drained it.
  if (!event_.drain()) return;
  fail_(why_.empty() ? "the kernel's vhost met a ring or a buffer that it cannot use" : why_);
}

}  // namespace redoubt
