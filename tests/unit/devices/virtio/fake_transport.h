// SPDX-License-Identifier: Apache-2.0
//
// FakeTransport: a virtio transport without registers, for tests of devices; see fake_driver.h for
// its use. Everything runs on the test's thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "devices/virtio/virtio_device.h"
#include "devices/virtio/virtqueue.h"
#include "tests/unit/devices/virtio/fake_driver.h"
#include "vmm/base/event_fd.h"

namespace redoubt {

class FakeTransport final : public VirtioTransport {
 public:
  // Attaches the device, and gives the driver a queue for each of the device's: with `queue_size`
  // entries, or fewer if the device has fewer. Both outlive the transport.
  FakeTransport(FakeDriver& driver, VirtioDevice& device, uint16_t queue_size = 64);

  // --- The driver's side

  // Everything the device offers, with VERSION_1 and ACCESS_PLATFORM.
  [[nodiscard]] uint64_t offered() const;
  // DRIVER_OK with these features: sets the queues up, starts the device and notifies every queue.
  void start() { start(offered()); }
  void start(uint64_t features);
  // Status written as 0. The driver's rings are zeroed for the next start().
  void reset();
  // Notifies, and again as long as a turn was cut short.
  void notify(uint16_t queue);

  // Whether the driver was interrupted since the last call, by used buffers or a new configuration.
  [[nodiscard]] bool take_interrupt();
  [[nodiscard]] bool take_config_change();
  // Why the device failed, "" if it did not; describe() of the error where it was one.
  [[nodiscard]] const std::string& failure() const { return failure_; }
  [[nodiscard]] const std::vector<std::byte>& config() const { return config_; }

  // --- VirtioTransport
  bool run(const Work& work) override;
  [[nodiscard]] Virtqueue* queue(uint16_t index) override;
  [[nodiscard]] uint64_t negotiated() const override { return features_; }
  void update_config(std::span<const std::byte> config) override;
  void fail(std::string_view why) override;
  DmaMemory& memory() override { return driver_.memory(); }
  const EventFd& kick(uint16_t index) override { return kicks_.at(index); }
  const EventFd& interrupt() override { return interrupt_; }

 private:
  FakeDriver& driver_;
  VirtioDevice& device_;
  std::vector<EventFd> kicks_;
  EventFd interrupt_;

  bool up_ = false;
  uint64_t features_ = 0;
  uint64_t epoch_ = 0;
  std::vector<std::optional<Virtqueue>> queues_;
  std::string failure_;
  std::vector<std::byte> config_;
  bool config_changed_ = false;
};

}  // namespace redoubt
