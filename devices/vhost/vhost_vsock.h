// SPDX-License-Identifier: Apache-2.0
//
// VhostVsock: the virtio socket device (virtio 1.3, 5.10) served by the host kernel, so that
// AF_VSOCK programs of the host and of the guest meet: the guest has a context id, the host is 2.
//
//   queue 0  rx     the kernel
//   queue 1  tx     the kernel
//   queue 2  event  nobody: its one event says that the guest was moved to another host
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "devices/vhost/vhost_device.h"
#include "devices/vhost/vhost_faults.h"
#include "devices/virtio/virtio_device.h"
#include "devices/virtio/vsock/vsock_options.h"
#include "vmm/base/event_loop.h"

namespace redoubt {

class VhostVsock final : public VirtioDevice {
 public:
  // Takes the context id, until destruction. Throws SetupError if the host has no vhost-vsock, or
  // another guest has the context id. The loop outlives the device.
  VhostVsock(const VsockOptions& options, EventLoop& loop);
  ~VhostVsock() override { stop(); }

  [[nodiscard]] uint32_t device_id() const override { return 19; }  // VIRTIO_ID_VSOCK
  [[nodiscard]] std::string_view name() const override { return "vsock"; }
  [[nodiscard]] std::span<const uint16_t> max_queue_sizes() const override { return kQueueSizes; }
  [[nodiscard]] uint64_t features() const override { return vhost_.device_features(); }
  [[nodiscard]] uint64_t queue_features() const override { return vhost_.queue_features(); }
  [[nodiscard]] QueueService queue_service(uint16_t queue) const override;
  [[nodiscard]] std::span<const std::byte> initial_config() const override { return config_; }

  Result<void, QueueError> start() override;
  Result<void, QueueError> on_notify(uint16_t) override { return {}; }
  void stop() override;
  // The kernel serves both or none.
  void stop_queue(uint16_t) override { stop(); }

 private:
  static constexpr unsigned kServedQueues = 2;
  // Linux fills rx with 4 KiB buffers: half a megabyte of the DMA window.
  static constexpr std::array<uint16_t, 3> kQueueSizes{128, 128, 16};

  [[nodiscard]] Result<void, VhostError> run_backend();
  [[nodiscard]] Result<void, VhostError> set_running(bool running);

  // Constant after construction.
  std::array<std::byte, 8> config_{};  // struct virtio_vsock_config: le64 guest_cid
  // Under the transport's lock.
  VhostDevice vhost_;
  bool running_ = false;
  // Loop thread.
  VhostFaults faults_;
};

}  // namespace redoubt
