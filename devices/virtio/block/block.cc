// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/block/block.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <sys/epoll.h>

#include "devices/virtio/block/uring_engine.h"
#include "vmm/base/log.h"
#include "vmm/base/setup_error.h"

namespace redoubt {

namespace {

constexpr auto kSizeCheckPeriod = std::chrono::seconds(1);

// Batches in one go: an image in the host's page cache could keep the loop busy with one request
// that is very large.
constexpr int kMaxRounds = 4;

std::unique_ptr<IoEngine> make_uring_engine(const ImageFile& image, uint32_t capacity,
                                            EventFd& completed) {
  const auto discard = image.is_block_device() ? UringEngine::Discard::BlockCommand
                                               : UringEngine::Discard::PunchHole;
  return std::make_unique<UringEngine>(image.fd(), discard, capacity, completed);
}

uint16_t checked_queues(const BlockOptions& options) {
  if (options.queues >= 1 && options.queues <= Block::kMaxQueues) return options.queues;
  throw SetupError(fmt::format("disk {}: {} queues", options.path.string(), options.queues),
                   ExitStatus::BadConfig, fmt::format("give it 1 to {}", Block::kMaxQueues));
}

}  // namespace

Block::Block(const BlockOptions& options, EventLoop& loop)
    : Block(options, loop, make_uring_engine) {}

Block::Block(const BlockOptions& options, EventLoop& loop, const MakeEngine& make_engine)
    : image_(options),
      config_(options, image_),
      disk_{.name = fmt::format("disk {}", options.path.string()),
            .limits = {.end = config_.capacity(), .readonly = options.readonly},
            .id = block_id(options)},
      queue_sizes_(checked_queues(options), BlockConfig::kQueueSize),
      size_timer_(CLOCK_MONOTONIC) {
  slots_.reserve(kMaxJobs);
  free_slots_.reserve(kMaxJobs);
  for (uint32_t i = 0; i < kMaxJobs; ++i) {
    slots_.push_back({.job = BlockJob(disk_, pool_)});
    free_slots_.push_back(kMaxJobs - 1 - i);
  }
  engine_ = make_engine(image_, kMaxJobs, completed_);
  completed_watch_ = loop.watch(completed_.fd(), 0, [this](uint32_t) { on_completed(); });
  size_watch_ = loop.watch(size_timer_.fd(), EPOLLIN, [this](uint32_t) { on_size_timer(); });
}

Result<void, QueueError> Block::start() {
  const uint64_t features = transport().negotiated();
  const auto has = [features](unsigned number) { return ((features >> number) & 1) != 0; };
  disk_.limits.discard = has(VIRTIO_BLK_F_DISCARD);
  disk_.limits.write_zeroes = has(VIRTIO_BLK_F_WRITE_ZEROES);
  // 5.2.6.2: a driver without flushes relies on every write.
  disk_.writethrough = !has(VIRTIO_BLK_F_FLUSH);
  check_size();
  size_timer_.arm_after(kSizeCheckPeriod);
  completed_watch_.set_events(EPOLLIN);
  return work();
}

Result<void, QueueError> Block::on_notify(uint16_t queue) {
  pending_.set(queue);
  return work();
}

Result<void, QueueError> Block::work() {
  const Result<void, QueueError> result = work_in_rounds();
  // Whatever has been begun, also if the device fails now.
  (void)engine_->submit();
  return result;
}

Result<void, QueueError> Block::work_in_rounds() {
  for (int round = 0; round < kMaxRounds; ++round) {
    const bool completed = TRY(take_completions());
    TRY(take_requests());
    const bool submitted = engine_->submit();
    if (!completed && !submitted) return {};
  }
  completed_.signal();
  return {};
}

bool Block::has_room() const {
  return !free_slots_.empty() && pool_.free_chunks() >= BlockJob::kMaxChunks;
}

Result<void, QueueError> Block::take_requests() {
  if (forgotten_ > 0) return {};
  // Whoever found no room comes first next time.
  const auto count = static_cast<uint16_t>(queue_sizes_.size());
  for (uint16_t i = 0; i < count && pending_.any(); ++i) {
    if (pending_.test(next_queue_)) TRY(take_requests_from(next_queue_));
    if (!has_room()) return {};
    next_queue_ = static_cast<uint16_t>((next_queue_ + 1) % count);
  }
  return {};
}

Result<void, QueueError> Block::take_requests_from(uint16_t index) {
  Virtqueue* queue = transport().queue(index);
  while (queue != nullptr && has_room()) {
    std::optional<DescriptorChain> chain = TRY(queue->pop());
    if (!chain) break;
    const uint32_t slot = free_slots_.back();
    free_slots_.pop_back();
    slots_[slot].state = Slot::State::Idle;
    slots_[slot].queue = index;
    const BlockJob::Next next = TRY(slots_[slot].job.begin(std::move(*chain)));
    TRY(go_on(slot, next));
  }
  if (queue == nullptr || has_room()) pending_.reset(index);
  return {};
}

Result<bool, QueueError> Block::take_completions() {
  std::optional<IoCompletion> completion = engine_->next_completion();
  if (!completion) return false;
  // Before the rest is taken: what completes after that signals anew.
  completed_.drain();
  drained_ = true;
  for (; completion; completion = engine_->next_completion()) {
    Slot& slot = slots_[completion->tag];
    if (slot.state == Slot::State::Forgotten) {
      --forgotten_;
      free_slot(completion->tag);
      continue;
    }
    slot.state = Slot::State::Idle;
    const BlockJob::Next next = TRY(slot.job.advance(completion->result));
    // The next write must not make the image longer again.
    if (slot.job.met_end()) check_size();
    TRY(go_on(completion->tag, next));
  }
  return true;
}

Result<void, QueueError> Block::go_on(uint32_t index, const BlockJob::Next& next) {
  Slot& slot = slots_[index];
  if (next) {
    slot.state = Slot::State::InFlight;
    engine_->start(index, *next);
    return {};
  }
  Virtqueue* queue = transport().queue(slot.queue);
  if (queue != nullptr) TRY(slot.job.finish(*queue));
  free_slot(index);
  return {};
}

void Block::free_slot(uint32_t index) {
  Slot& slot = slots_[index];
  slot.job.forget();
  slot.job.release();
  slot.state = Slot::State::Free;
  free_slots_.push_back(index);
}

void Block::forget(uint32_t index) {
  Slot& slot = slots_[index];
  if (slot.state == Slot::State::Idle) {
    free_slot(index);
  } else if (slot.state == Slot::State::InFlight) {
    slot.job.forget();
    slot.state = Slot::State::Forgotten;
    ++forgotten_;
  }
}

void Block::stop() {
  for (uint32_t i = 0; i < slots_.size(); ++i) forget(i);
  pending_.reset();
}

void Block::stop_queue(uint16_t queue) {
  for (uint32_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].queue == queue) forget(i);
  }
  pending_.reset(queue);
}

void Block::on_completed() {
  const bool up = transport().run([this]() -> Result<void, QueueError> {
    drained_ = false;
    TRY(work());
    if (drained_) return {};
    // Signalled by work itself, in order to go on, or on account of what it had taken already.
    completed_.drain();
    return work();
  });
  // Completions wait for start(): only inside work are the slots ours.
  if (!up) completed_watch_.set_events(0);
}

void Block::on_size_timer() {
  size_timer_.drain();
  const bool up = transport().run([this]() -> Result<void, QueueError> {
    check_size();
    return {};
  });
  if (up) size_timer_.arm_after(kSizeCheckPeriod);
}

void Block::check_size() {
  const uint64_t size = image_.size();
  const uint64_t before = std::exchange(disk_.limits.end, std::min(size, config_.capacity()));
  if (size > config_.capacity()) {
    config_.set_capacity(size);
    disk_.limits.end = size;
    log::info("{}: now {} bytes", disk_.name, size);
    transport().update_config(config_.bytes());
  } else if (disk_.limits.end < before) {
    log::warn("{}: the image has only {} bytes of {} left; requests beyond fail", disk_.name, size,
              config_.capacity());
  }
}

}  // namespace redoubt
