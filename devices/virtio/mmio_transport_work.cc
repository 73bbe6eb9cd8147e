// SPDX-License-Identifier: Apache-2.0
//
// What happens between the device and its queues. The register file is in mmio_transport.cc.
#include <algorithm>
#include <mutex>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <sys/epoll.h>

#include "devices/virtio/device_status.h"
#include "devices/virtio/features.h"
#include "devices/virtio/mmio_transport.h"
#include "vmm/base/setup_error.h"

namespace redoubt {

namespace {

bool has_backend(const VirtioDevice& device) {
  for (uint16_t i = 0; i < device.max_queue_sizes().size(); ++i) {
    if (device.queue_service(i) == QueueService::Backend) return true;
  }
  return false;
}

uint64_t offered_features(const VirtioDevice& device) {
  uint64_t queue_features = device.queue_features();
  // There is no way to tell a backend of a queue that is ready again.
  if (has_backend(device)) queue_features &= ~virtio::kRingReset;
  return device.features() | queue_features | virtio::kVersion1 | virtio::kAccessPlatform;
}

}  // namespace

VirtioMmioTransport::VirtioMmioTransport(GuestRange range, uint32_t spi, VirtioDevice& device,
                                         DmaMemory& memory, EventLoop& loop, Protection protection)
    : range_(range),
      spi_(spi),
      device_(device),
      memory_(memory),
      protection_(protection),
      has_backend_(has_backend(device)),
      offered_(offered_features(device)),
      kicks_(device.max_queue_sizes().size()),
      queues_(kicks_.size()) {
  for (const uint16_t size : device.max_queue_sizes()) queue_registers_.push_back({size});
  const std::span<const std::byte> config = device.initial_config();
  if (config.size() > range.size() - virtio::kConfigOffset) {
    throw SetupError(fmt::format("{}: a configuration space of {} bytes does not fit into {:#x}",
                                 device.name(), config.size(), range.size()));
  }
  config_.assign(config.begin(), config.end());

  watches_.push_back(loop.watch(started_.fd(), EPOLLIN, [this](uint32_t) { on_driver_ok(); }));
  for (uint16_t i = 0; i < queue_count(); ++i) {
    if (device.queue_service(i) == QueueService::Backend) continue;  // which drains the kick itself
    watches_.push_back(loop.watch(kicks_[i].fd(), EPOLLIN, [this, i](uint32_t) { on_kick(i); }));
  }
  device_.attach(*this);
}

VirtioMmioTransport::~VirtioMmioTransport() {
  const std::lock_guard lock(work_mutex_);
  device_.stop();
}

// --- Turns

void VirtioMmioTransport::on_driver_ok() {
  started_.drain();
  const std::lock_guard lock(work_mutex_);
  if (!std::exchange(start_pending_, false)) return;  // reset meanwhile
  up_ = true;
  begin_turn();
  end_turn(device_.start(), std::nullopt);
  if (!up_) return;
  // What was made available before DRIVER_OK came without a notification that counts.
  for (size_t i = 0; i < queues_.size(); ++i) {
    if (queues_[i]) kicks_[i].signal();
  }
}

void VirtioMmioTransport::on_kick(uint16_t index) {
  // First, so that a notification which comes during the turn leads to another one.
  kicks_[index].drain();
  const std::lock_guard lock(work_mutex_);
  if (!up_ || !queues_[index]) return;
  begin_turn();
  end_turn(device_.on_notify(index), index);
}

bool VirtioMmioTransport::run(const Work& work) {
  const std::lock_guard lock(work_mutex_);
  if (!up_) return false;
  begin_turn();
  end_turn(work(), std::nullopt);
  return true;
}

void VirtioMmioTransport::begin_turn() {
  for (auto& queue : queues_) {
    if (queue) queue->begin_turn();
  }
}

void VirtioMmioTransport::end_turn(const Result<void, QueueError>& result,
                                   std::optional<uint16_t> queue) {
  if (!result) return driver_broke(queue, result.error());
  bool interrupt_wanted = false;
  for (uint16_t i = 0; i < queue_count(); ++i) {
    if (!queues_[i]) continue;
    const Result<bool, QueueError> wanted = queues_[i]->take_interrupt_wanted();
    if (!wanted) return driver_broke(i, wanted.error());
    interrupt_wanted |= *wanted;
    // There is more, and others have waited: to be continued when the loop comes round.
    if (queues_[i]->turn_cut_short()) kicks_[i].signal();
  }
  if (interrupt_wanted) raise(virtio::kUsedBuffer);
}

Virtqueue* VirtioMmioTransport::queue(uint16_t index) {
  return index < queues_.size() && queues_[index] ? &*queues_[index] : nullptr;
}

// --- Interrupts and configuration

void VirtioMmioTransport::raise(uint32_t cause) {
  // Before the interrupt, which makes the driver look.
  interrupt_status_ |= cause;
  interrupt_.signal();
}

void VirtioMmioTransport::update_config(std::span<const std::byte> config) {
  const std::lock_guard lock(config_mutex_);
  std::copy_n(config.begin(), std::min(config.size(), config_.size()), config_.begin());
  ++config_generation_;
  if (status_has(virtio::kDriverOk)) raise(virtio::kConfigChange);
}

// --- Failing (2.1.2)

void VirtioMmioTransport::fail(std::string_view why) {
  const std::lock_guard lock(work_mutex_);
  fail_locked(why);
}

void VirtioMmioTransport::fail_locked(std::string_view why) {
  if (status_has(virtio::kNeedsReset)) return;
  log::guest(failure_log_, "{}: {}; the device waits for a reset", device_.name(), why);
  start_pending_ = false;
  up_ = false;
  device_.stop();
  for (auto& queue : queues_) queue.reset();
  status_ |= virtio::kNeedsReset;
  if (status_has(virtio::kDriverOk)) raise(virtio::kConfigChange);
}

void VirtioMmioTransport::driver_broke(std::optional<uint16_t> queue, QueueError error) {
  const std::string which = queue ? fmt::format("queue {}", *queue) : "a queue";
  fail_locked(fmt::format("the driver broke {}: {}", which, redoubt::describe(error)));
}

void VirtioMmioTransport::rings_refused(uint16_t queue, QueueError error) {
  driver_broke(queue, error);
  const bool not_shared = error == QueueError::OutOfRange || error == QueueError::Inaccessible;
  if (protection_ == Protection::Protected && not_shared) {
    give_sharing_hint("its rings are where the host cannot see them");
  }
}

void VirtioMmioTransport::give_sharing_hint(std::string_view symptom) {
  if (std::exchange(sharing_hint_given_, true)) return;
  log::warn(
      "{}: {}: the guest's kernel lacks restricted DMA, that is CONFIG_DMA_RESTRICTED_POOL and "
      "CONFIG_ARM_PKVM_GUEST",
      device_.name(), symptom);
}

}  // namespace redoubt
