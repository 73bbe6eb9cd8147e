// SPDX-License-Identifier: Apache-2.0
#include "vmm/guest_consoles.h"

#include "devices/console/open_console.h"

namespace redoubt {

GuestConsoles::GuestConsoles(const VmConfig& config, EventLoop& loop,
                             const std::function<void()>& on_escape)
    : uart_(open_console(config.console, loop, on_escape)) {
  for (const PortOptions& port : config.ports) {
    ports_.push_back(open_console(port.backend, loop, on_escape));
  }
}

void GuestConsoles::flush() {
  uart_->flush();
  for (const std::unique_ptr<ConsoleBackend>& port : ports_) port->flush();
}

}  // namespace redoubt
