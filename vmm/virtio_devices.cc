// SPDX-License-Identifier: Apache-2.0
#include "vmm/virtio_devices.h"

#include <string>
#include <utility>

#include "devices/vhost/vhost_net.h"
#include "devices/vhost/vhost_vsock.h"
#include "devices/virtio/block/block.h"
#include "devices/virtio/console/virtio_console.h"
#include "devices/virtio/fs/fs.h"
#include "devices/virtio/net/net.h"
#include "devices/virtio/net/net_backend.h"
#include "devices/virtio/net/tap.h"
#include "devices/virtio/rng/virtio_rng.h"
#include "devices/virtio/vsock/unix_vsock.h"
#include "vmm/base/log.h"
#include "vmm/config/dma_window.h"
#include "vmm/machine_layout.h"
#include "vmm/memory_map.h"

namespace redoubt {

namespace {

static_assert(kMostVirtioDevices == memory_map::kVirtioMmioSlots);

using Devices = std::vector<std::unique_ptr<VirtioDevice>>;

bool wants_vhost(const NetOptions& options) {
  if (options.kind != NetKind::Tap || options.vhost == VhostUse::Off) return false;
  if (options.vhost == VhostUse::On) return true;
  const std::optional<std::string> why_not = why_no_vhost_net();
  if (why_not) log::info("{}: without vhost-net: {}", options.name, *why_not);
  return !why_not;
}

std::unique_ptr<VirtioDevice> make_network(const std::string& guest, const NetOptions& options,
                                           EventLoop& loop) {
  if (wants_vhost(options)) {
    return std::make_unique<VhostNet>(guest, options, std::make_unique<Tap>(options), loop);
  }
  return std::make_unique<Net>(guest, options, open_net_backend(options, loop), loop);
}

std::unique_ptr<VirtioDevice> make_console(
    const std::vector<PortOptions>& options,
    std::span<const std::unique_ptr<ConsoleBackend>> backends, EventLoop& loop) {
  std::vector<ConsolePort> ports;
  for (size_t index = 0; index < options.size(); ++index) {
    ports.push_back({options[index].name, options[index].tty, *backends[index]});
  }
  return std::make_unique<VirtioConsole>(loop, ports);
}

std::unique_ptr<VirtioDevice> make_vsock(const VsockOptions& options, EventLoop& loop) {
  if (options.kind == VsockKind::Vhost) return std::make_unique<VhostVsock>(options, loop);
  return std::make_unique<UnixVsock>(loop, options);
}

Devices make_devices(const VmConfig& config, EventLoop& loop,
                     std::span<const std::unique_ptr<ConsoleBackend>> ports) {
  Devices devices;
  for (const BlockOptions& disk : config.disks) {
    devices.push_back(std::make_unique<Block>(disk, loop));
  }
  for (const NetOptions& network : config.networks) {
    devices.push_back(make_network(config.name, network, loop));
  }
  if (!config.ports.empty()) devices.push_back(make_console(config.ports, ports, loop));
  if (config.vsock) devices.push_back(make_vsock(*config.vsock, loop));
  if (config.rng) devices.push_back(std::make_unique<VirtioRng>(loop));
  for (const ShareOptions& share : config.shares) {
    devices.push_back(std::make_unique<Fs>(share, loop));
  }
  return devices;
}

void wire(kvm::Vm& vm, VirtioMmioTransport& transport) {
  vm.add_irqfd(transport.interrupt().fd(), transport.spi());
  for (uint16_t queue = 0; queue < transport.queue_count(); ++queue) {
    vm.add_ioeventfd(transport.kick(queue).fd(), transport.notify_address().value(), queue);
  }
}

}  // namespace

VirtioDevices::VirtioDevices(const VmConfig& config, DmaMemory& memory, EventLoop& loop,
                             std::span<const std::unique_ptr<ConsoleBackend>> ports, kvm::Vm& vm,
                             MmioBus& bus) {
  uint32_t number = 0;
  for (std::unique_ptr<VirtioDevice>& device : make_devices(config, loop, ports)) {
    const GuestRange range = memory_map::virtio_mmio(number);
    auto transport = std::make_unique<VirtioMmioTransport>(
        range, memory_map::virtio_mmio_spi(number), *device, memory, loop, config.protection);
    wire(vm, *transport);
    bus.add(range, *transport);
    slots_.push_back({std::move(device), std::move(transport)});
    ++number;
  }
}

void describe_virtio_devices(const VmConfig& config, fdt::Node& parent) {
  const auto count = static_cast<uint32_t>(virtio_device_needs(config).size());
  for (uint32_t number = 0; number < count; ++number) {
    describe_virtio_mmio(parent, memory_map::virtio_mmio(number),
                         memory_map::virtio_mmio_spi(number),
                         devices_window_of(config).has_value());
  }
}

}  // namespace redoubt
