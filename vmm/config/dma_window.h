// SPDX-License-Identifier: Apache-2.0
//
// How large the DMA window of a protected guest has to be. What a device needs is what its rings
// and the buffers of a busy driver take at once; a driver that finds the window full waits, and
// slows down, but breaks nothing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vmm/config/config_keys.h"
#include "vmm/config/vm_config.h"

namespace redoubt {

// A virtio device of the guest.
struct VirtioDeviceNeed {
  config::KeyPath place;  // where the configuration asks for it; for the console, its first port
  std::string name;       // "disks[1]", "ports", "rng"
  uint64_t window;        // what it needs in the window of a protected guest, in bytes
};

// Every virtio device of the guest, in the order in which they are counted: disks, networks, the
// console of all ports, vsock, rng, shares.
[[nodiscard]] std::vector<VirtioDeviceNeed> virtio_device_needs(const VmConfig& config);

// Besides the devices themselves: for what the guest's allocator loses to fragmentation.
inline constexpr uint64_t kDmaWindowSlack = uint64_t{1} << 20;

// What all devices need, a multiple of 2 MiB; 0 for a guest that is not protected or has none.
[[nodiscard]] uint64_t dma_window_need(const VmConfig& config);

// The size of the guest's window: what was configured, or else the need. 0: it has none.
[[nodiscard]] uint64_t dma_window_size(const VmConfig& config);

}  // namespace redoubt
