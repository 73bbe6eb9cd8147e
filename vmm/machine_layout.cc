// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine_layout.h"

#include <memory>
#include <span>

#include <sys/random.h>

#include "devices/console/open_console.h"
#include "vmm/base/event_loop.h"
#include "vmm/base/setup_error.h"
#include "vmm/boot/loader.h"
#include "vmm/config/dma_window.h"
#include "vmm/machine_devices.h"
#include "vmm/memory_map.h"
#include "vmm/virtio_devices.h"

namespace redoubt {

namespace {

HugepageAdvice advice_of(Hugepages hugepages, kvm::Donation donation) {
  switch (hugepages) {
    case Hugepages::Auto:
      return donation == kvm::Donation::ByFolio ? HugepageAdvice::Preferred : HugepageAdvice::Auto;
    case Hugepages::Always: return HugepageAdvice::Always;
    case Hugepages::Never: return HugepageAdvice::Never;
  }
  return HugepageAdvice::Auto;
}

void fill_random(std::span<std::byte> bytes) {
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    throw_errno("getrandom");
  }
}

class NoInterrupt final : public LevelInterrupt {
 public:
  void set(Level) override {}
};

}  // namespace

GuestRange ram_of(const VmConfig& config) { return {memory_map::kRam, config.memory.size}; }

std::optional<GuestRange> window_of(const VmConfig& config) {
  const uint64_t size = dma_window_size(config);
  if (size == 0) return std::nullopt;
  return GuestRange(memory_map::window_start(config.memory.size), size);
}

std::optional<GuestRange> devices_window_of(const VmConfig& config) {
  if (config.protection == Protection::Unprotected) return std::nullopt;
  return window_of(config);
}

std::vector<MemoryRegion> regions_of(const VmConfig& config, kvm::Donation donation) {
  // The daemon behind a share maps what devices may use. Of an unprotected guest that is its RAM.
  if (config.protection == Protection::Unprotected && !config.shares.empty()) {
    return {{ram_of(config), DmaWindow{}}};
  }
  const HugepageAdvice advice = advice_of(config.memory.hugepages, donation);
  std::vector<MemoryRegion> regions = {{ram_of(config), PrivateRam{advice}}};
  if (const auto window = window_of(config)) {
    // Linux shares a window page by page, and touches each of its pages for that.
    const bool whole = donation == kvm::Donation::ByFolio && advice != HugepageAdvice::Never;
    regions.push_back(
        {*window, DmaWindow{whole ? HugepageAdvice::Preferred : HugepageAdvice::Auto}});
  }
  return regions;
}

std::vector<std::byte> build_device_tree_of(const VmConfig& config,
                                            const std::optional<GuestRange>& initrd,
                                            const boot::DescribeDevices& describe_devices) {
  boot::DeviceTreeInputs inputs{
      .vcpus = config.vcpus,
      .ram = ram_of(config),
      .dma_window = window_of(config),
      .gic_distributor = {memory_map::kGicDistributor, memory_map::kGicDistributorSize},
      .gic_redistributors = {memory_map::kGicRedistributors,
                             memory_map::kGicRedistributorSize * config.vcpus},
      .command_line = config.boot.cmdline,
      .stdout_path = "/pl011@9000000",
      .initrd = initrd,
      .rng_seed = std::nullopt,
  };
  fill_random(inputs.kaslr_seed);
  if (config.protection == Protection::Unprotected) fill_random(inputs.rng_seed.emplace());
  return boot::build_device_tree(inputs, describe_devices);
}

std::vector<std::byte> preview_device_tree(const VmConfig& config) {
  EventLoop loop;
  NoInterrupt interrupt;
  const std::unique_ptr<ConsoleBackend> console =
      open_console({.kind = ConsoleKind::None, .path = {}}, loop, [] {});
  MachineDevices devices(loop, *console, {interrupt, interrupt});
  devices.bus().seal();

  const boot::Payload payload =
      boot::open_payload(config.boot.kernel, config.boot.initrd, config.memory.size);
  const boot::Placement placement = boot::place_payload(ram_of(config), payload);
  return build_device_tree_of(config, placement.initrd, [&](fdt::Node& root) {
    devices.bus().describe_all(root);
    describe_virtio_devices(config, root);
  });
}

}  // namespace redoubt
