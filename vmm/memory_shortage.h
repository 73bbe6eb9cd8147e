// SPDX-License-Identifier: Apache-2.0
//
// MemoryShortage: what to do when KVM_RUN answers ENOMEM. The kernel could not charge or find
// memory for one more page; nothing was donated and the guest has not moved, so the same vCPU can
// go on as soon as there is room. The guest is held, the operator is told the numbers, and the
// vCPUs try again four times a second; after twenty seconds without success the guest is given up.
// Loop thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "vmm/base/event_loop.h"
#include "vmm/base/unique_fd.h"

namespace redoubt {

class MemoryShortage {
 public:
  struct Callbacks {
    std::function<void()> retry;    // let the waiting vCPUs try again
    std::function<void()> give_up;  // the guest cannot go on
  };

  MemoryShortage(EventLoop& loop, Callbacks callbacks);  // throws std::system_error

  // A vCPU has met ENOMEM, for the first time or again; at guest-physical address `ipa`, where the
  // kernel tells.
  void on_failure(std::optional<uint64_t> ipa);

 private:
  void on_tick();
  void arm(bool on);

  const Callbacks callbacks_;
  UniqueFd timer_;
  uint32_t ticks_ = 0;  // since the shortage began; 0: there is none
  bool failed_since_tick_ = false;
  EventLoop::Watch watch_;  // last: ends before the timer it watches
};

// The limits that matter, in one sentence with numbers.
[[nodiscard]] std::string describe_locked_memory();

}  // namespace redoubt
