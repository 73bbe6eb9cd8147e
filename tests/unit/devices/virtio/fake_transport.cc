// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/devices/virtio/fake_transport.h"

#include <algorithm>

#include "devices/virtio/features.h"

namespace redoubt {

FakeTransport::FakeTransport(FakeDriver& driver, VirtioDevice& device, uint16_t queue_size)
    : driver_(driver), device_(device), kicks_(device.max_queue_sizes().size()) {
  for (const uint16_t size : device.max_queue_sizes()) {
    driver_.add_queue(std::min(size, queue_size));
  }
  queues_.resize(kicks_.size());
  const std::span<const std::byte> config = device.initial_config();
  config_.assign(config.begin(), config.end());
  device.attach(*this);
}

uint64_t FakeTransport::offered() const {
  return device_.features() | device_.queue_features() | virtio::kVersion1 |
         virtio::kAccessPlatform;
}

void FakeTransport::start(uint64_t features) {
  features_ = features;
  for (uint16_t i = 0; i < queues_.size(); ++i) {
    auto queue = Virtqueue::create(driver_.memory(), driver_.layout(i), features, ++epoch_);
    if (!queue) return fail(describe(queue.error()));
    queues_[i].emplace(std::move(*queue));
  }
  up_ = true;
  run([this] { return device_.start(); });
  for (uint16_t i = 0; i < queues_.size(); ++i) {
    if (device_.queue_service(i) == QueueService::Backend) {
      kicks_[i].signal();
    } else {
      notify(i);
    }
  }
}

void FakeTransport::reset() {
  device_.stop();
  up_ = false;
  failure_.clear();
  features_ = 0;
  for (uint16_t i = 0; i < queues_.size(); ++i) {
    queues_[i].reset();
    driver_.reset_queue(i);
  }
  interrupt_.drain();
  config_changed_ = false;
}

void FakeTransport::notify(uint16_t index) {
  do {
    kicks_.at(index).drain();
    run([&] { return device_.on_notify(index); });
  } while (up_ && kicks_.at(index).drain());
}

bool FakeTransport::take_interrupt() { return interrupt_.drain(); }

bool FakeTransport::take_config_change() { return std::exchange(config_changed_, false); }

bool FakeTransport::run(const Work& work) {
  if (!up_) return false;
  for (auto& queue : queues_) {
    if (queue) queue->begin_turn();
  }
  if (const auto result = work(); !result) {
    fail(describe(result.error()));
    return true;
  }
  for (size_t i = 0; i < queues_.size() && up_; ++i) {
    if (!queues_[i]) continue;
    const Result<bool, QueueError> wanted = queues_[i]->take_interrupt_wanted();
    if (!wanted) {
      fail(describe(wanted.error()));
    } else if (*wanted) {
      interrupt_.signal();
    }
    if (queues_[i]->turn_cut_short()) kicks_[i].signal();
  }
  return true;
}

Virtqueue* FakeTransport::queue(uint16_t index) {
  return index < queues_.size() && queues_[index] ? &*queues_[index] : nullptr;
}

void FakeTransport::update_config(std::span<const std::byte> config) {
  config_.assign(config.begin(), config.end());
  config_changed_ = true;
}

void FakeTransport::fail(std::string_view why) {
  up_ = false;
  failure_ = why;
  config_changed_ = true;
  device_.stop();
  for (auto& queue : queues_) queue.reset();
}

}  // namespace redoubt
