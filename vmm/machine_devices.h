// SPDX-License-Identifier: Apache-2.0
//
// MachineDevices: the devices that every guest has, on their bus, which has room for more until it
// is sealed. Made and destroyed on the loop thread or while the loop is not running.
#pragma once

#include "devices/console/console_backend.h"
#include "devices/interrupt.h"
#include "devices/mmio_bus.h"
#include "devices/pl011.h"
#include "devices/pl031.h"
#include "vmm/base/event_loop.h"
#include "vmm/memory_map.h"

namespace redoubt {

class MachineDevices {
 public:
  struct Interrupts {
    LevelInterrupt& pl011;
    LevelInterrupt& pl031;
  };

  // All arguments must outlive this object. Throws std::system_error.
  MachineDevices(EventLoop& loop, ConsoleBackend& console, const Interrupts& interrupts)
      : pl011_(kPl011, memory_map::kPl011Spi, interrupts.pl011, console),
        pl031_(kPl031, memory_map::kPl031Spi, interrupts.pl031, loop) {
    bus_.add(kPl011, pl011_);
    bus_.add(kPl031, pl031_);
  }

  [[nodiscard]] MmioBus& bus() { return bus_; }

 private:
  static constexpr GuestRange kPl011{memory_map::kPl011, memory_map::kPl011Size};
  static constexpr GuestRange kPl031{memory_map::kPl031, memory_map::kPl031Size};

  Pl011 pl011_;
  Pl031 pl031_;
  MmioBus bus_;
};

}  // namespace redoubt
