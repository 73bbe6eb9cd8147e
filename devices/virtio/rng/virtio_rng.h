// SPDX-License-Identifier: Apache-2.0
//
// VirtioRng: the entropy device (virtio 1.3, 5.4). Its bytes are those of the host's getrandom(2):
// good ones, and known to the host, which a protected guest does not trust. Linux counts them as
// entropy in full unless told otherwise with rng_core.default_quality=0.
//
// At most kMostBytes for a request, and kBytesPerSecond over time: a guest that asks for more waits
// in its queue, and so costs the host no more than that.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "devices/timer_fd.h"
#include "devices/virtio/rng/token_bucket.h"
#include "devices/virtio/virtio_device.h"
#include "vmm/base/event_loop.h"

namespace redoubt {

class VirtioRng final : public VirtioDevice {
 public:
  static constexpr uint32_t kMostBytes = 64 * 1024;
  static constexpr uint64_t kBytesPerSecond = 1024 * 1024;

  // Time since any fixed moment. Called on the loop thread.
  using Clock = std::function<std::chrono::nanoseconds()>;

  // `loop` outlives the device. Made and destroyed on the loop thread or while the loop is not
  // running. Throws std::system_error.
  explicit VirtioRng(EventLoop& loop, Clock clock = host_clock);

  [[nodiscard]] uint32_t device_id() const override;
  [[nodiscard]] std::string_view name() const override { return "virtio-rng"; }
  [[nodiscard]] std::span<const uint16_t> max_queue_sizes() const override;
  [[nodiscard]] Result<void, QueueError> on_notify(uint16_t queue) override;

 private:
  static std::chrono::nanoseconds host_clock();
  [[nodiscard]] Result<void, QueueError> serve();

  // Loop thread only.
  const Clock clock_;
  TokenBucket bucket_{kMostBytes, kBytesPerSecond};  // survives resets, or they would fill it
  TimerFd timer_;                                    // when the request that waits can be served
  EventLoop::Watch timer_watch_;
};

}  // namespace redoubt
