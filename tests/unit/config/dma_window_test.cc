// SPDX-License-Identifier: Apache-2.0
#include "vmm/config/dma_window.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/sizes.h"

namespace redoubt {
namespace {

VmConfig with_devices() {
  VmConfig config;
  config.disks.resize(2);
  config.networks.resize(1);
  config.networks[0].queues = 2;
  config.ports.resize(4);
  config.vsock.emplace();
  config.rng = true;
  config.shares.resize(1);
  return config;
}

TEST(DmaWindow, devices_are_told_by_name_and_ports_are_one) {
  std::vector<std::string> names;
  for (const VirtioDeviceNeed& need : virtio_device_needs(with_devices())) {
    names.push_back(need.name);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"disks[0]", "disks[1]", "networks[0]", "ports",
                                             "vsock", "rng", "shares[0]"}));
}

TEST(DmaWindow, need_is_the_sum_with_slack_in_whole_granules) {
  // 2 * 8 + 2 * 4 + 1 + 2 + 1/16 + 8 and 1 of slack: 36 and a bit.
  EXPECT_EQ(dma_window_need(with_devices()), 38 * kMiB);
}

TEST(DmaWindow, guest_without_devices_needs_none) {
  EXPECT_EQ(dma_window_need(VmConfig()), 0U);
  EXPECT_EQ(dma_window_size(VmConfig()), 0U);
}

TEST(DmaWindow, unprotected_guest_needs_none) {
  VmConfig config = with_devices();
  config.protection = Protection::Unprotected;
  EXPECT_EQ(dma_window_need(config), 0U);
}

TEST(DmaWindow, size_is_what_was_configured_or_else_the_need) {
  VmConfig config = with_devices();
  EXPECT_EQ(dma_window_size(config), 38 * kMiB);
  config.memory.dma_window = 64 * kMiB;
  EXPECT_EQ(dma_window_size(config), 64 * kMiB);
}

}  // namespace
}  // namespace redoubt
