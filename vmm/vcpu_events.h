// SPDX-License-Identifier: Apache-2.0
//
// VcpuEvents: what vCPU threads tell the loop. Owned by the machine, so that what is left in it
// when the machine ends goes with it.
#pragma once

#include <mutex>
#include <utility>
#include <variant>
#include <vector>

#include "vmm/base/event_fd.h"
#include "vmm/kvm/vcpu.h"

namespace redoubt {

using VcpuEvent = std::variant<kvm::SystemOff, kvm::SystemReset, kvm::RunFailure>;

class VcpuEvents {
 public:
  // Any thread. The queue holds at most a few entries for each vCPU, which waits after reporting.
  void report(const VcpuEvent& event) {
    {
      const std::lock_guard lock(mutex_);
      events_.push_back(event);
    }
    available_.signal();
  }

  // Loop thread, when available() is readable.
  [[nodiscard]] std::vector<VcpuEvent> take() {
    available_.drain();
    const std::lock_guard lock(mutex_);
    return std::exchange(events_, {});
  }
  [[nodiscard]] BorrowedFd available() const { return available_.fd(); }

 private:
  EventFd available_;
  std::mutex mutex_;
  std::vector<VcpuEvent> events_;  // guarded by mutex_
};

}  // namespace redoubt
