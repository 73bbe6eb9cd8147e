// SPDX-License-Identifier: Apache-2.0
//
// VirtioConsole: the virtio console (virtio 1.3, 5.3) with 1 to 31 ports. With MULTIPORT the driver
// is told of each: its name, whether it is a terminal (hvc0, hvc1, …) or a stream, its size. A
// driver without MULTIPORT has port 0. How bytes flow is in virtio_port.h. A device with one
// terminal does without MULTIPORT: there is nothing to tell, and a Linux driver spins, with its
// only processor, for the answer to each of its control messages.
//
//   DEVICE_READY ─▶ PORT_ADD of each ─▶ PORT_READY ─▶ CONSOLE_PORT, RESIZE, PORT_NAME, PORT_OPEN
//   (driver)        (device)            (driver)      (device)
//
// A port is open on the host's side always: its backend keeps what nobody reads yet.
//
// Made and destroyed on the loop thread, or while the loop is not running.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "devices/virtio/console/console_protocol.h"
#include "devices/virtio/console/virtio_port.h"
#include "devices/virtio/virtio_device.h"
#include "vmm/base/event_fd.h"
#include "vmm/base/event_loop.h"

namespace redoubt {

class VirtioConsole final : public VirtioDevice {
 public:
  static constexpr size_t kMaxPorts = 31;
  static constexpr size_t kMaxNameBytes = 64;

  // Throws SetupError or std::system_error.
  VirtioConsole(EventLoop& loop, std::span<const ConsolePort> ports);
  ~VirtioConsole() override;

  // What a Linux driver puts into the DMA window for this many ports, in bytes.
  [[nodiscard]] static uint64_t dma_window_need(size_t ports);

  [[nodiscard]] uint32_t device_id() const override { return virtio_console::kDeviceId; }
  [[nodiscard]] std::string_view name() const override { return "console"; }
  [[nodiscard]] std::span<const uint16_t> max_queue_sizes() const override { return queue_sizes_; }
  [[nodiscard]] uint64_t features() const override;
  [[nodiscard]] std::span<const std::byte> initial_config() const override;

  void attach(VirtioTransport& transport) override;
  [[nodiscard]] Result<void, QueueError> start() override;
  [[nodiscard]] Result<void, QueueError> on_notify(uint16_t queue) override;
  void stop() override;
  void stop_queue(uint16_t queue) override;
  void write_config(uint32_t offset, std::span<const std::byte> data) override;

 private:
  [[nodiscard]] bool several_ports() const { return ports_.size() > 1 || !ports_[0].tty(); }
  [[nodiscard]] bool multiport() {
    return (transport().negotiated() & virtio_console::kMultiport) != 0;
  }
  // The port that has this queue, and is there for the driver.
  [[nodiscard]] std::optional<size_t> port_of(uint16_t queue) const;

  [[nodiscard]] Result<void, QueueError> take_output(size_t port);
  [[nodiscard]] Result<void, QueueError> take_control();
  void obey(const virtio_console::Control& message);
  [[nodiscard]] Result<void, QueueError> send_control();

  size_t on_input(size_t port, std::span<const std::byte> bytes);
  void want_input(size_t port);
  void on_room(size_t port);
  void on_resize(size_t port);
  void update_size();

  // Constant after construction.
  std::vector<uint16_t> queue_sizes_;
  // Under the transport's work lock.
  std::vector<VirtioPort> ports_;
  // Loop thread only.
  virtio_console::Config config_{};
  std::vector<bool> input_waits_;  // by port: its backend has more than was taken
  EventFd again_;                  // there was more to do than one turn may
  EventLoop::Watch again_watch_;
};

}  // namespace redoubt
