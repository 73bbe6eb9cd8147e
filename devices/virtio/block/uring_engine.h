// SPDX-License-Identifier: Apache-2.0
//
// UringEngine: an IoEngine over io_uring(7). The kernel's work for completions is done on the
// thread that asks for them, so nothing interrupts it elsewhere.
#pragma once

#include <cstdint>
#include <optional>

#include <liburing.h>

#include "devices/virtio/block/io_engine.h"
#include "vmm/base/event_fd.h"

namespace redoubt {

class UringEngine final : public IoEngine {
 public:
  enum class Discard {
    PunchHole,     // files: there is nothing else
    BlockCommand,  // block devices: BLKDISCARD, without waiting for it
  };

  // `capacity`: operations at a time. `image` and `completed` outlive the engine. Throws SetupError
  // if the host does not let this process have an io_uring. The thread that
  // makes an engine is the one that uses and destroys it.
  UringEngine(BorrowedFd image, Discard discard, uint32_t capacity, EventFd& completed);
  ~UringEngine() override;

  void start(uint32_t tag, const IoOperation& operation) override;
  bool submit() override;
  [[nodiscard]] std::optional<IoCompletion> next_completion() override;

 private:
  // Constant after construction.
  const int image_;
  const Discard discard_;
  EventFd& completed_;

  io_uring ring_{};
  uint32_t in_flight_ = 0;
};

}  // namespace redoubt
