// SPDX-License-Identifier: Apache-2.0
//
// Block: the virtio block device (virtio 1.3, 5.2) over a raw image or a block device of the host.
//
//   driver ─▶ Virtqueue ─▶ BlockJob ─ bounce chunks ─▶ IoEngine ─▶ image
//   driver ◀─ Virtqueue ◀─ BlockJob ◀────────────────── eventfd ◀──┘
//
// The loop never waits for the image: jobs are started in batches, and their completions come back
// through an eventfd, or at once where the host had the data. What a disk takes of the host is
// fixed when it is made: so many jobs, so many chunks. A queue that finds none free waits for those
// in use.
//
// After a reset the operations that were under way run on, each with its chunks, and no request is
// taken before they have ended: they must not meet what a new driver does to the same sectors.
// Destruction waits for them, as long as the host's storage takes.
//
// An image that grows is a disk that grows: the driver is told within a second. One that shrinks
// keeps its capacity, and what is not there any more cannot be read or written.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "devices/timer_fd.h"
#include "devices/virtio/block/block_config.h"
#include "devices/virtio/block/block_job.h"
#include "devices/virtio/block/block_options.h"
#include "devices/virtio/block/bounce_pool.h"
#include "devices/virtio/block/image_file.h"
#include "devices/virtio/block/io_engine.h"
#include "devices/virtio/virtio_device.h"
#include "vmm/base/event_fd.h"
#include "vmm/base/event_loop.h"

namespace redoubt {

class Block final : public VirtioDevice {
 public:
  static constexpr uint16_t kMaxQueues = 64;
  static constexpr uint32_t kMaxJobs = 256;
  static constexpr uint32_t kChunks = 1024;  // 16 MiB

  // Makes an engine for `capacity` operations at a time, which signals `completed`.
  using MakeEngine = std::function<std::unique_ptr<IoEngine>(
      const ImageFile& image, uint32_t capacity, EventFd& completed)>;

  // Opens and locks the image. Throws SetupError. Made and destroyed on the loop thread, or where
  // the loop's thread will be.
  Block(const BlockOptions& options, EventLoop& loop);
  Block(const BlockOptions& options, EventLoop& loop, const MakeEngine& make_engine);

  [[nodiscard]] uint32_t device_id() const override { return 2; }  // 5.2.1
  [[nodiscard]] std::string_view name() const override { return disk_.name; }
  [[nodiscard]] std::span<const uint16_t> max_queue_sizes() const override { return queue_sizes_; }
  [[nodiscard]] uint64_t features() const override { return config_.features(); }
  [[nodiscard]] std::span<const std::byte> initial_config() const override {
    return config_.bytes();
  }
  [[nodiscard]] Result<void, QueueError> start() override;
  [[nodiscard]] Result<void, QueueError> on_notify(uint16_t queue) override;
  void stop() override;
  void stop_queue(uint16_t queue) override;

 private:
  struct Slot {
    enum class State {
      Free,
      Idle,       // has a request, and no operation; inside work only
      InFlight,   // the engine has an operation
      Forgotten,  // the same, but nobody waits for it
    };
    BlockJob job;
    uint16_t queue = 0;
    State state = State::Free;
  };

  // All there is to do now, or so much of it that other devices do not wait for long.
  [[nodiscard]] Result<void, QueueError> work();
  [[nodiscard]] Result<void, QueueError> work_in_rounds();
  [[nodiscard]] Result<void, QueueError> take_requests();
  [[nodiscard]] Result<void, QueueError> take_requests_from(uint16_t queue);
  // Whether there were any.
  [[nodiscard]] Result<bool, QueueError> take_completions();
  [[nodiscard]] Result<void, QueueError> go_on(uint32_t index, const BlockJob::Next& next);
  [[nodiscard]] bool has_room() const;
  void forget(uint32_t index);
  void free_slot(uint32_t index);

  void on_completed();
  void on_size_timer();
  void check_size();

  // Constant after construction, but for what config_ and disk_ say of the capacity.
  ImageFile image_;
  BlockConfig config_;
  BlockDisk disk_;
  std::vector<uint16_t> queue_sizes_;

  // Work alone, wherever it runs.
  BouncePool pool_{kChunks};
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_slots_;
  uint32_t forgotten_ = 0;           // slots of that state
  std::bitset<kMaxQueues> pending_;  // queues that may have requests for us
  uint16_t next_queue_ = 0;          // whose turn it is

  // Loop thread only. The engine ends first: it waits for what uses the members above.
  EventFd completed_;
  bool drained_ = false;  // completed_, by take_completions()
  std::unique_ptr<IoEngine> engine_;
  TimerFd size_timer_;
  EventLoop::Watch completed_watch_;
  EventLoop::Watch size_watch_;
};

}  // namespace redoubt
