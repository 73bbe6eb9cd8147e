// SPDX-License-Identifier: Apache-2.0
//
// Fs: the virtio file system device (virtio 1.3, 5.11), a folder of the host that the guest mounts
// by its tag. virtiofsd serves both queues over vhost-user; it can address the memory that devices
// may use and nothing else.
//
//   queue 0  hiprio    requests that overtake others
//   queue 1  request
//
// virtiofsd works for one guest's life. Once it is gone the device has failed for good: the guest
// gets DEVICE_NEEDS_RESET, and again after each reset, until it is started anew. That can be the
// guest's own doing, by taking back memory that virtiofsd is using.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "devices/virtio/fs/share_options.h"
#include "devices/virtio/fs/virtiofsd.h"
#include "devices/virtio/virtio_device.h"
#include "vmm/base/event_loop.h"

namespace redoubt {

class Fs final : public VirtioDevice {
 public:
  // Starts virtiofsd; see start_virtiofsd() for what it throws. On the loop's thread, which
  // outlives the device with the loop: virtiofsd ends with it.
  Fs(const ShareOptions& options, EventLoop& loop);
  ~Fs() override { stop(); }

  [[nodiscard]] uint32_t device_id() const override { return 26; }  // VIRTIO_ID_FS
  [[nodiscard]] std::string_view name() const override { return name_; }
  [[nodiscard]] std::span<const uint16_t> max_queue_sizes() const override { return kQueueSizes; }
  [[nodiscard]] uint64_t queue_features() const override;
  [[nodiscard]] QueueService queue_service(uint16_t) const override {
    return QueueService::Backend;
  }
  [[nodiscard]] std::span<const std::byte> initial_config() const override { return config_; }

  // Throws SetupError if the guest's memory cannot be handed to another process.
  void attach(VirtioTransport& transport) override;
  // start() and stop() wait for virtiofsd up to VhostUserFrontEnd::kPatience. If that is not enough
  // it is killed, and its end is waited for as long again.
  Result<void, QueueError> start() override;
  Result<void, QueueError> on_notify(uint16_t) override { return {}; }
  void stop() override;
  void stop_queue(uint16_t) override { stop(); }

 private:
  // Each descriptor of the request queue is at most a page, and without INDIRECT_DESC there are no
  // more than these: 4 MiB of the DMA window.
  static constexpr std::array<uint16_t, 2> kQueueSizes{64, 1024};

  [[nodiscard]] Result<void, VhostUserError> run_backend();
  void end_backend();
  void on_hang_up();
  void on_message();

  // Constant after construction.
  const std::string name_;
  std::array<std::byte, 40> config_{};  // struct virtio_fs_config: tag[36], le32 num_request_queues
  // Under the transport's lock.
  Virtiofsd virtiofsd_;
  bool running_ = false;
  // Loop thread.
  std::string why_;  // of an end that we brought about
  EventLoop::Watch hang_up_;
  EventLoop::Watch messages_;
};

}  // namespace redoubt
