// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/rng/virtio_rng.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <ctime>
#include <utility>

#include <linux/virtio_ids.h>
#include <sys/epoll.h>
#include <sys/random.h>

namespace redoubt {

namespace {

constexpr std::array<uint16_t, 1> kQueueSizes = {64};
constexpr uint16_t kRequestQueue = 0;

// When the host's own pool is asked again, early in its life.
constexpr std::chrono::milliseconds kPoolDelay{100};

// Fills `bytes` from its front; fewer than all of them only while the host has no entropy yet.
size_t fill_random(std::span<std::byte> bytes) {
  size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t count = ::getrandom(bytes.data() + filled, bytes.size() - filled, GRND_NONBLOCK);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    filled += static_cast<size_t>(count);
  }
  return filled;
}

}  // namespace

VirtioRng::VirtioRng(EventLoop& loop, Clock clock)
    : clock_(std::move(clock)), timer_(CLOCK_MONOTONIC) {
  timer_watch_ = loop.watch(timer_.fd(), EPOLLIN, [this](uint32_t) {
    timer_.drain();
    // Not up: nobody waits any more. The next notification comes by itself.
    (void)transport().run([this] { return serve(); });
  });
}

std::chrono::nanoseconds VirtioRng::host_clock() {
  return std::chrono::steady_clock::now().time_since_epoch();
}

uint32_t VirtioRng::device_id() const { return VIRTIO_ID_RNG; }

std::span<const uint16_t> VirtioRng::max_queue_sizes() const { return kQueueSizes; }

Result<void, QueueError> VirtioRng::on_notify(uint16_t) { return serve(); }

Result<void, QueueError> VirtioRng::serve() {
  Virtqueue* const queue = transport().queue(kRequestQueue);
  if (queue == nullptr) return {};
  std::array<std::byte, 4096> entropy;
  while (auto chain = TRY(queue->pop())) {
    const uint32_t wanted = std::min(chain->writable_bytes(), kMostBytes);
    const std::chrono::nanoseconds wait = bucket_.take(wanted, clock_());
    if (wait > std::chrono::nanoseconds::zero()) {
      queue->undo_pop(std::move(*chain));
      timer_.arm_after(wait);
      return {};
    }
    uint32_t given = 0;
    while (given < wanted) {
      const size_t size =
          fill_random(std::span(entropy).first(std::min<size_t>(wanted - given, entropy.size())));
      if (size == 0) break;
      TRY(chain->write(std::span<const std::byte>(entropy).first(size)));
      given += static_cast<uint32_t>(size);
    }
    if (given == 0 && wanted != 0) {  // the host's pool is not ready
      queue->undo_pop(std::move(*chain));
      timer_.arm_after(kPoolDelay);
      return {};
    }
    TRY(queue->push(std::move(*chain), given));
  }
  return {};
}

}  // namespace redoubt
