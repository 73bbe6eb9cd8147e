// SPDX-License-Identifier: Apache-2.0
//
// VhostNet: the virtio network device (virtio 1.3, 5.1) on a tap, with the host kernel's vhost-net
// moving the frames. To the guest it is what Net is: the same queues, configuration space and
// features.
//
//   queue   0, 1   2, 3  …           2N
//           receive, transmit ×N     control, if N > 1
//           one vhost-net for each   this device
//
// A pair is handed to its vhost-net while it is in use: vhost does not start on a queue of the tap
// that is detached.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "devices/vhost/vhost_device.h"
#include "devices/vhost/vhost_faults.h"
#include "devices/virtio/net/net_config.h"
#include "devices/virtio/net/net_options.h"
#include "devices/virtio/net/tap.h"
#include "devices/virtio/virtio_device.h"
#include "vmm/base/event_loop.h"

namespace redoubt {

// Why this host's vhost-net cannot be used; nothing, if it can. For `vhost: auto`, which then takes
// Net.
[[nodiscard]] std::optional<std::string> why_no_vhost_net();

class VhostNet final : public VirtioDevice {
 public:
  // As Net; `tap` with a descriptor for each pair. Throws SetupError if vhost-net cannot be used.
  VhostNet(std::string_view guest, const NetOptions& options, std::unique_ptr<Tap> tap,
           EventLoop& loop);
  ~VhostNet() override { stop(); }

  [[nodiscard]] uint32_t device_id() const override { return 1; }  // VIRTIO_ID_NET
  [[nodiscard]] std::string_view name() const override { return name_; }
  [[nodiscard]] std::span<const uint16_t> max_queue_sizes() const override { return queue_sizes_; }
  [[nodiscard]] uint64_t features() const override;
  [[nodiscard]] uint64_t queue_features() const override { return vhosts_[0].queue_features(); }
  [[nodiscard]] QueueService queue_service(uint16_t queue) const override;
  [[nodiscard]] std::span<const std::byte> initial_config() const override { return config_; }

  [[nodiscard]] Result<void, QueueError> start() override;
  [[nodiscard]] Result<void, QueueError> on_notify(uint16_t queue) override;
  void stop() override;
  void stop_queue(uint16_t queue) override;

 private:
  [[nodiscard]] bool set_pairs(uint16_t count);
  [[nodiscard]] Result<void, VhostError> start_pair(uint16_t pair);
  [[nodiscard]] Result<void, VhostError> hand_over(uint16_t pair);
  void stop_pair(uint16_t pair);

  // Constant after construction.
  const std::string name_;
  const NetConfigSpace config_;
  std::vector<uint16_t> queue_sizes_;
  // Under the transport's lock.
  const std::unique_ptr<Tap> tap_;
  std::vector<VhostDevice> vhosts_;  // one for each pair
  std::vector<bool> running_;        // by pair
  // Loop thread.
  VhostFaults faults_;
};

}  // namespace redoubt
