// SPDX-License-Identifier: Apache-2.0
#include "vmm/config/dma_window.h"

#include <string_view>

namespace redoubt {

namespace {

constexpr uint64_t kKiB = 1024;
constexpr uint64_t kMiB = 1024 * kKiB;
constexpr uint64_t kGranule = 2 * kMiB;

// A busy disk has some 32 requests of 256 KiB under way, a share likewise; a pair of network queues
// 256 buffers each way of a page and, for segmentation offload, some of 64 KiB.
constexpr uint64_t kDisk = 8 * kMiB;
constexpr uint64_t kNetworkQueuePair = 4 * kMiB;
constexpr uint64_t kConsole = 1 * kMiB;
constexpr uint64_t kVsock = 2 * kMiB;
constexpr uint64_t kRng = 64 * kKiB;
constexpr uint64_t kShare = 8 * kMiB;

VirtioDeviceNeed need_of(std::string_view section, size_t item, uint64_t window) {
  const config::KeyPath place = config::key_path(section, item);
  return {place, place.text(), window};
}

}  // namespace

std::vector<VirtioDeviceNeed> virtio_device_needs(const VmConfig& config) {
  std::vector<VirtioDeviceNeed> needs;
  for (size_t i = 0; i < config.disks.size(); ++i) needs.push_back(need_of("disks", i, kDisk));
  for (size_t i = 0; i < config.networks.size(); ++i) {
    needs.push_back(need_of("networks", i, kNetworkQueuePair * config.networks[i].queues));
  }
  if (!config.ports.empty()) {
    needs.push_back({config::key_path("ports", 0), "ports", kConsole});
  }
  if (config.vsock) needs.push_back(need_of("vsock", 0, kVsock));
  if (config.rng) needs.push_back({config::key_path("", 0, "rng"), "rng", kRng});
  for (size_t i = 0; i < config.shares.size(); ++i) needs.push_back(need_of("shares", i, kShare));
  return needs;
}

uint64_t dma_window_need(const VmConfig& config) {
  if (config.protection != Protection::Protected) return 0;
  const auto devices = virtio_device_needs(config);
  if (devices.empty()) return 0;
  uint64_t need = kDmaWindowSlack;
  for (const VirtioDeviceNeed& device : devices) need += device.window;
  return (need + kGranule - 1) / kGranule * kGranule;
}

uint64_t dma_window_size(const VmConfig& config) {
  return config.memory.dma_window.value_or(dma_window_need(config));
}

}  // namespace redoubt
