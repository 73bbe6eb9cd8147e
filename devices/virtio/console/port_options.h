// SPDX-License-Identifier: Apache-2.0
//
// What can be chosen about a port of the virtio console.
#pragma once

#include <string>

#include "devices/console/console_options.h"

namespace redoubt {

struct PortOptions {
  std::string name{};  // the guest finds it under this name
  bool tty = true;     // a terminal (hvc0, hvc1, …); otherwise a stream (/dev/virtio-ports/NAME)
  ConsoleOptions backend{};

  bool operator==(const PortOptions&) const = default;
};

}  // namespace redoubt
