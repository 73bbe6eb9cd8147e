// SPDX-License-Identifier: Apache-2.0
//
// VmConfig: everything that is chosen about a guest, as plain values. It has no behaviour and holds
// no descriptor, and it is valid once load_config() has returned it: defaults filled, paths
// absolute, limits and combinations checked. Sizes are in bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "devices/console/console_options.h"
#include "devices/virtio/block/block_options.h"
#include "devices/virtio/console/port_options.h"
#include "devices/virtio/fs/share_options.h"
#include "devices/virtio/net/net_options.h"
#include "devices/virtio/vsock/vsock_options.h"
#include "vmm/base/protection.h"

namespace redoubt {

inline constexpr size_t kMostVirtioDevices = 32;  // virtio-mmio slots of the memory map

// Transparent hugepages for guest memory: Auto takes them where the kernel gives them to a
// protected guest whole, and leaves it to the host's setting elsewhere.
enum class Hugepages { Auto, Always, Never };

// What a PSCI SYSTEM_RESET of the guest does.
enum class OnReset { Restart, Exit };

struct MemoryOptions {
  uint64_t size = uint64_t{256} << 20;  // private RAM: multiple of 1 MiB, at least 32 MiB
  Hugepages hugepages = Hugepages::Auto;
  bool prefault = false;  // give the guest all of its memory before it runs
  // Size of the DMA window, multiple of 1 MiB; nullopt: as much as the guest's devices need, which
  // is dma_window_size() in vmm/config/dma_window.h.
  std::optional<uint64_t> dma_window;

  bool operator==(const MemoryOptions&) const = default;
};

struct BootOptions {
  std::filesystem::path kernel;
  std::optional<std::filesystem::path> initrd;
  std::string cmdline;

  bool operator==(const BootOptions&) const = default;
};

struct VmConfig {
  std::string name;  // for messages; by default the file's name without its extension
  Protection protection = Protection::Protected;
  uint32_t vcpus = 1;  // 1 to 64
  MemoryOptions memory;
  BootOptions boot;
  ConsoleOptions console;  // PL011
  // Virtio devices, at most kMostVirtioDevices; all ports belong to one console device.
  std::vector<BlockOptions> disks;
  std::vector<NetOptions> networks;  // each with a name
  std::vector<PortOptions> ports;
  std::optional<VsockOptions> vsock;
  bool rng = false;  // entropy of the host; worth nothing against that host
  std::vector<ShareOptions> shares;
  OnReset on_reset = OnReset::Restart;

  bool operator==(const VmConfig&) const = default;
};

}  // namespace redoubt
