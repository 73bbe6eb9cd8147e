// SPDX-License-Identifier: Apache-2.0
//
// A device behind a VirtioMmioTransport, driven through its registers with the memory of a
// FakeDriver:
//
//   negotiate();                 // up to FEATURES_OK
//   set_up_queue(0);             // size, addresses, QueueReady
//   driver_ok();                 // and lets the loop run
//   … driver.chain()….submit(0); notify(0); driver.used(0) …
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <unistd.h>

#include "devices/virtio/device_status.h"
#include "devices/virtio/features.h"
#include "devices/virtio/mmio_registers.h"
#include "devices/virtio/mmio_transport.h"
#include "tests/unit/base/captured_log.h"
#include "tests/unit/devices/fakes.h"
#include "tests/unit/devices/run_until.h"
#include "tests/unit/devices/virtio/echo_device.h"
#include "tests/unit/devices/virtio/fake_driver.h"
#include "vmm/base/event_loop.h"

namespace redoubt {

class MmioFixture : public ::testing::Test {
 protected:
  using Register = virtio::MmioRegister;
  static constexpr GuestRange kRange{GuestAddress(0x0a00'0200), 0x200};
  static constexpr uint32_t kSpi = 17;
  static constexpr uint16_t kQueueSize = 16;
  static constexpr uint32_t kUp =
      virtio::kAcknowledge | virtio::kDriver | virtio::kFeaturesOk | virtio::kDriverOk;

  explicit MmioFixture(Protection protection = Protection::Protected,
                       QueueService service = QueueService::Device)
      : driver(protection == Protection::Protected ? FakeDriver::Memory::Window
                                                   : FakeDriver::Memory::Plain),
        device({256, 64}, service) {
    driver.add_queue(kQueueSize);
    driver.add_queue(kQueueSize);
    transport.emplace(kRange, kSpi, device, driver.memory(), loop, protection);
  }

  uint32_t get(Register which) {
    const std::lock_guard lock(transport->mutex());
    return read32(*transport, static_cast<uint64_t>(which));
  }
  void set(Register which, uint32_t value) {
    const std::lock_guard lock(transport->mutex());
    write32(*transport, static_cast<uint64_t>(which), value);
  }

  uint64_t offered() {
    set(Register::DeviceFeaturesSel, 0);
    const uint64_t low = get(Register::DeviceFeatures);
    set(Register::DeviceFeaturesSel, 1);
    return low | uint64_t{get(Register::DeviceFeatures)} << 32;
  }
  void choose(uint64_t features) {
    set(Register::DriverFeaturesSel, 0);
    set(Register::DriverFeatures, static_cast<uint32_t>(features));
    set(Register::DriverFeaturesSel, 1);
    set(Register::DriverFeatures, static_cast<uint32_t>(features >> 32));
  }
  // Writes the status as a driver does, with the bits it has.
  void add_status(uint32_t bits) { set(Register::Status, get(Register::Status) | bits); }
  // Whether the features were agreed on.
  bool negotiate(uint64_t features) {
    set(Register::Status, 0);
    add_status(virtio::kAcknowledge);
    add_status(virtio::kDriver);
    choose(features);
    add_status(virtio::kFeaturesOk);
    return (get(Register::Status) & virtio::kFeaturesOk) != 0;
  }
  bool negotiate() { return negotiate(offered()); }

  void write_layout(const QueueLayout& layout) {
    const auto address = [&](Register low, Register high, GuestAddress value) {
      set(low, static_cast<uint32_t>(value.value()));
      set(high, static_cast<uint32_t>(value.value() >> 32));
    };
    set(Register::QueueNum, layout.size);
    address(Register::QueueDescLow, Register::QueueDescHigh, layout.descriptor_table);
    address(Register::QueueDriverLow, Register::QueueDriverHigh, layout.available_ring);
    address(Register::QueueDeviceLow, Register::QueueDeviceHigh, layout.used_ring);
  }
  // Whether it became ready.
  bool set_up_queue(uint16_t index) {
    set(Register::QueueSel, index);
    write_layout(driver.layout(index));
    set(Register::QueueReady, 1);
    return get(Register::QueueReady) == 1;
  }
  void driver_ok() {
    add_status(virtio::kDriverOk);
    run_some(loop);
  }
  // From nothing to DRIVER_OK, with empty rings.
  void bring_up() {
    ASSERT_TRUE(negotiate());
    for (uint16_t i = 0; i < 2; ++i) {
      driver.reset_queue(i);
      ASSERT_TRUE(set_up_queue(i));
    }
    driver_ok();
    ASSERT_EQ(get(Register::Status), kUp);
  }
  void notify(uint16_t index) {
    set(Register::QueueNotify, index);
    run_some(loop);
  }
  // A request through queue `index` that is answered.
  void expect_echo(uint16_t index) {
    const FakeRequest request = driver.chain().readable("hello").writable(16).submit(index);
    notify(index);
    const std::vector<Used> used = driver.used(index);
    ASSERT_EQ(used.size(), 1u);
    EXPECT_EQ(used[0], (Used{request.head, 5}));
  }
  // Whether the device has interrupted since the last call.
  bool take_interrupt() {
    uint64_t count = 0;
    return ::read(transport->interrupt().fd().get(), &count, sizeof(count)) == sizeof(count);
  }
  [[nodiscard]] bool needs_reset() { return (get(Register::Status) & virtio::kNeedsReset) != 0; }

  EventLoop loop;
  FakeDriver driver;
  EchoDevice device;
  std::optional<VirtioMmioTransport> transport;
  CapturedLog log;
};

}  // namespace redoubt
