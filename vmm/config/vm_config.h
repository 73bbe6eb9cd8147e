// SPDX-License-Identifier: Apache-2.0
//
// VmConfig: everything that is chosen about a guest, as plain values. It has no behaviour and holds
// no descriptor, and it is valid once load_config() has returned it: defaults filled, paths
// absolute, limits and combinations checked. Sizes are in bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "devices/console/console_options.h"
#include "vmm/base/protection.h"

namespace redoubt {

// Transparent hugepages for private RAM: Auto leaves it to the host's setting.
enum class Hugepages { Auto, Always, Never };

// What a PSCI SYSTEM_RESET of the guest does.
enum class OnReset { Restart, Exit };

struct MemoryOptions {
  uint64_t size = uint64_t{256} << 20;  // private RAM: multiple of 1 MiB, at least 32 MiB
  Hugepages hugepages = Hugepages::Auto;
  // Size of the DMA window, multiple of 1 MiB; nullopt: as much as the guest's devices need.
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
  ConsoleOptions console;
  OnReset on_reset = OnReset::Restart;

  bool operator==(const VmConfig&) const = default;
};

}  // namespace redoubt
