// SPDX-License-Identifier: Apache-2.0
//
// GuestConsoles: the host's ends of a guest's consoles, which stay as they are when the guest
// resets into a new VM. Loop thread, or while the loop is not running.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "devices/console/console_backend.h"
#include "vmm/base/event_loop.h"
#include "vmm/config/vm_config.h"

namespace redoubt {

class GuestConsoles {
 public:
  // `on_escape` is called when the user leaves by the escape key. The loop must outlive the
  // consoles. Throws SetupError.
  GuestConsoles(const VmConfig& config, EventLoop& loop, const std::function<void()>& on_escape);

  [[nodiscard]] ConsoleBackend& uart() const { return *uart_; }
  // One for each of the configuration's ports.
  [[nodiscard]] std::span<const std::unique_ptr<ConsoleBackend>> ports() const { return ports_; }

  // For the end of a guest; see ConsoleBackend::flush().
  void flush();

 private:
  std::unique_ptr<ConsoleBackend> uart_;
  std::vector<std::unique_ptr<ConsoleBackend>> ports_;
};

}  // namespace redoubt
