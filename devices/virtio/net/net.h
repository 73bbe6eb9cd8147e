// SPDX-License-Identifier: Apache-2.0
//
// Net: the virtio network device (virtio 1.3, 5.1). Frames go through buffers of our own in both
// directions; see NetBackend for where they come from and go to.
//
//   queue   0, 1   2, 3  …           2N
//           receive, transmit ×N     control, if N > 1
//
// Receiving never runs ahead of the driver: while there is no buffer for the next frame, the
// backend is not watched and nothing is read from it; the driver's notification starts it again.
// Sending stops the same way while the backend takes no more, until it is writable.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "devices/virtio/net/net_backend.h"
#include "devices/virtio/net/net_config.h"
#include "devices/virtio/net/net_options.h"
#include "devices/virtio/net/receive_queue.h"
#include "devices/virtio/net/transmit_queue.h"
#include "devices/virtio/virtio_device.h"
#include "vmm/base/event_fd.h"
#include "vmm/base/event_loop.h"

namespace redoubt {

// Frames since the device was made. What was dropped was wrong, had no room in the driver's buffers
// or was refused by the host.
struct NetCounters {
  uint64_t received = 0;
  uint64_t received_dropped = 0;
  uint64_t sent = 0;
  uint64_t sent_dropped = 0;

  bool operator==(const NetCounters&) const = default;
};

class Net final : public VirtioDevice {
 public:
  // `guest` and `options.name` name the device; see mac_for(). The loop outlives the device.
  Net(std::string_view guest, const NetOptions& options, std::unique_ptr<NetBackend> backend,
      EventLoop& loop);
  ~Net() override;

  [[nodiscard]] uint32_t device_id() const override { return 1; }  // VIRTIO_ID_NET
  [[nodiscard]] std::string_view name() const override { return name_; }
  [[nodiscard]] std::span<const uint16_t> max_queue_sizes() const override { return queue_sizes_; }
  [[nodiscard]] uint64_t features() const override;
  [[nodiscard]] std::span<const std::byte> initial_config() const override { return config_; }
  [[nodiscard]] Result<void, QueueError> start() override;
  [[nodiscard]] Result<void, QueueError> on_notify(uint16_t queue) override;
  void stop() override;
  void stop_queue(uint16_t queue) override;

  // Loop thread.
  [[nodiscard]] const NetCounters& counters() const { return counters_; }

 private:
  struct Pair {
    ReceiveQueue receive;
    TransmitQueue transmit;
    bool receive_waits = false;   // for the driver's buffers
    bool transmit_waits = false;  // for the backend to be writable
    // Loop thread only.
    uint32_t watched = 0;  // events
    EventLoop::Watch watch;
  };

  // All inside work.
  [[nodiscard]] Result<void, QueueError> receive(uint16_t pair);
  [[nodiscard]] bool fetch_frame(uint16_t pair);
  [[nodiscard]] Result<bool, QueueError> deliver_frame(Pair& pair, Virtqueue& queue);
  [[nodiscard]] Result<void, QueueError> transmit(uint16_t pair);
  [[nodiscard]] Result<bool, QueueError> take_frame(Pair& pair, Virtqueue& queue);
  [[nodiscard]] NetBackend::Sent send_frame(uint16_t pair);
  void flush(uint16_t pair);
  [[nodiscard]] Result<bool, QueueError> set_pairs(uint16_t count);
  void lose_backend(const NetBackend::Gone& gone);
  // Watches the backend for what the pair waits for.
  void watch(uint16_t pair);

  // Handlers of the loop.
  void on_backend(uint16_t pair, uint32_t events);
  void on_again();

  // Constant after construction.
  const std::string name_;
  const std::unique_ptr<NetBackend> backend_;
  const NetConfigSpace config_;
  std::vector<uint16_t> queue_sizes_;
  // Under the transport's work lock.
  std::vector<Pair> pairs_;
  uint16_t active_ = 1;  // pairs in use
  // Loop thread only.
  NetCounters counters_;
  std::optional<std::string> gone_;  // why there is no backend any more
  EventFd again_;                    // something is left to do: to receive, or to fail
  EventLoop::Watch again_watch_;
};

}  // namespace redoubt
