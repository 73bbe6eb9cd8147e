// SPDX-License-Identifier: Apache-2.0
//
// VhostFaults: what the kernel's vhost could not do, on its way to the transport, which fails the
// device for it. Loop thread, except where noted.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "vmm/base/event_fd.h"
#include "vmm/base/event_loop.h"

namespace redoubt {

class VhostFaults {
 public:
  // `fail` is called on the loop, not inside a device's work. The loop outlives the object.
  VhostFaults(EventLoop& loop, std::function<void(std::string_view why)> fail);

  // For VHOST_SET_VRING_ERR: signalled by the kernel when a ring, or a descriptor in it, is not
  // what it can use; it is never told which.
  [[nodiscard]] BorrowedFd broken_ring() const { return event_.fd(); }

  // The device's start begins.
  void begin();
  // Fails the device as soon as the loop comes round, because this is inside its work.
  void report(std::string why);
  // In stop(), on any thread, when the kernel is at rest: what came before counts no more.
  void forget() { event_.drain(); }

 private:
  void on_event();

  const std::function<void(std::string_view)> fail_;
  std::string why_;  // of report(); empty if it was the kernel that signalled
  EventFd event_;
  EventLoop::Watch watch_;
};

}  // namespace redoubt
