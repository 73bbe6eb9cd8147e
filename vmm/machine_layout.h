// SPDX-License-Identifier: Apache-2.0
//
// Where the parts of a configured guest lie, and its device tree: what follows from a configuration
// without a host to run it on.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "vmm/boot/device_tree.h"
#include "vmm/config/vm_config.h"
#include "vmm/kvm/vm.h"
#include "vmm/memory/guest_address.h"
#include "vmm/memory/guest_memory.h"

namespace redoubt {

[[nodiscard]] GuestRange ram_of(const VmConfig& config);

[[nodiscard]] std::optional<GuestRange> window_of(const VmConfig& config);

// What devices are confined to: the window of a protected guest, and nothing for another, whose
// devices may use all its memory. (A protected guest without a window has no virtio device.)
[[nodiscard]] std::optional<GuestRange> devices_window_of(const VmConfig& config);

// RAM and window, for GuestMemory, on a host that gives memory to guests of that kind in that way.
[[nodiscard]] std::vector<MemoryRegion> regions_of(const VmConfig& config, kvm::Donation donation);

// Throws SetupError, or std::system_error if the host has no random numbers.
[[nodiscard]] std::vector<std::byte> build_device_tree_of(
    const VmConfig& config, const std::optional<GuestRange>& initrd,
    const boot::DescribeDevices& describe_devices);

// The device tree that a guest of this configuration would get, for `redoubt dtb`. Opens the
// kernel and initrd, because the tree says where the initrd lies. Throws SetupError.
[[nodiscard]] std::vector<std::byte> preview_device_tree(const VmConfig& config);

}  // namespace redoubt
