// SPDX-License-Identifier: Apache-2.0
//
// VirtioDevices: the virtio devices of a configuration, each in a slot of the virtio-mmio window
// and wired to KVM. The only place that knows all types of device. Made and destroyed on the loop
// thread while no vCPU runs.
//
// Slots are given out in the order of the configuration: disks, networks, console, vsock, entropy,
// shares. A Linux guest names what it finds in that order too.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "devices/console/console_backend.h"
#include "devices/mmio_bus.h"
#include "devices/virtio/dma_memory.h"
#include "devices/virtio/mmio_transport.h"
#include "devices/virtio/virtio_device.h"
#include "vmm/base/event_loop.h"
#include "vmm/config/vm_config.h"
#include "vmm/kvm/vm.h"

namespace redoubt {

class VirtioDevices {
 public:
  // `ports` are the backends of config.ports, one for each. Throws SetupError if the host does not
  // give a device what it needs. All arguments must outlive this object, but for the configuration.
  VirtioDevices(const VmConfig& config, DmaMemory& memory, EventLoop& loop,
                std::span<const std::unique_ptr<ConsoleBackend>> ports, kvm::Vm& vm, MmioBus& bus);

 private:
  struct Slot {
    std::unique_ptr<VirtioDevice> device;
    std::unique_ptr<VirtioMmioTransport> transport;  // ends before its device
  };
  std::vector<Slot> slots_;
};

// The nodes of the same devices, without making them: for a device tree to look at.
void describe_virtio_devices(const VmConfig& config, fdt::Node& parent);

}  // namespace redoubt
