// SPDX-License-Identifier: Apache-2.0
//
// The descriptors of a tap interface: opened by the interface's name, or taken over from a parent
// process. All are non-blocking, IFF_NO_PI and IFF_VNET_HDR, with the header of 12 bytes.
#pragma once

#include <string>
#include <vector>

#include "devices/virtio/net/net_options.h"
#include "vmm/base/unique_fd.h"

namespace redoubt {

struct OpenTap {
  std::string interface;
  std::vector<UniqueFd> queues;
};

// options.queues descriptors of the interface options.tap, which is made and set up (IFF_UP) if it
// is not there. Throws SetupError.
[[nodiscard]] OpenTap open_tap(const NetOptions& options);

// A copy of *options.fd. Throws SetupError if that is no tap as described above.
[[nodiscard]] OpenTap take_over_tap(const NetOptions& options);

}  // namespace redoubt
