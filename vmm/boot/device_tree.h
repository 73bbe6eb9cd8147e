// SPDX-License-Identifier: Apache-2.0
//
// The device tree of a guest: what booting.rst and the bindings of each node ask for. The same
// inputs give the same bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "vmm/fdt/fdt_writer.h"
#include "vmm/memory/guest_address.h"

namespace redoubt::boot {

struct DeviceTreeInputs {
  uint32_t vcpus = 1;
  GuestRange ram;
  // Described as `restricted-dma-pool`: to whose DMA goes there, see fdt::kDmaWindowPhandle.
  std::optional<GuestRange> dma_window;
  GuestRange gic_distributor;
  GuestRange gic_redistributors;  // of all vCPUs, one after the other

  std::string command_line;
  std::string stdout_path;  // "/pl011@9000000"; empty: none
  std::optional<GuestRange> initrd;

  // From the host's random number generator.
  //
  // kaslr_seed moves the guest kernel's addresses, against attackers inside the guest; that the
  // host knows it costs a protected guest nothing, and without it there is no KASLR.
  // rng_seed is different: Linux credits it as entropy unless told not to
  // (random.trust_bootloader), so a host that remembers it could know the guest's first keys. Give
  // none to a protected guest.
  std::array<std::byte, 8> kaslr_seed = {};
  std::optional<std::array<std::byte, 64>> rng_seed;
};

// Adds the nodes of the machine's devices to the root. They may refer to vmm/fdt/phandles.h, and
// interrupts go to the GIC: three cells.
using DescribeDevices = std::function<void(fdt::Node& root)>;

// Throws SetupError (BadConfig) for a command line that Linux would cut off.
[[nodiscard]] std::vector<std::byte> build_device_tree(const DeviceTreeInputs& inputs,
                                                       const DescribeDevices& describe_devices);

}  // namespace redoubt::boot
