// SPDX-License-Identifier: Apache-2.0
//
// EchoDevice: a device for tests of the transport. It answers a request with the bytes of its
// readable part, at once or when the test says so, and remembers what the transport told it.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "devices/virtio/virtio_device.h"

namespace redoubt {

class EchoDevice final : public VirtioDevice {
 public:
  static constexpr uint32_t kDeviceId = 42;
  static constexpr uint64_t kFeature = 1u << 5;

  explicit EchoDevice(std::vector<uint16_t> queue_sizes = {256, 64},
                      QueueService service = QueueService::Device)
      : queue_sizes_(std::move(queue_sizes)), service_(service) {}

  [[nodiscard]] uint32_t device_id() const override { return kDeviceId; }
  [[nodiscard]] std::string_view name() const override { return "virtio-echo e0"; }
  [[nodiscard]] std::span<const uint16_t> max_queue_sizes() const override { return queue_sizes_; }
  [[nodiscard]] uint64_t features() const override { return kFeature; }
  [[nodiscard]] QueueService queue_service(uint16_t) const override { return service_; }
  [[nodiscard]] std::span<const std::byte> initial_config() const override {
    return std::as_bytes(std::span(kConfig));
  }

  [[nodiscard]] Result<void, QueueError> start() override {
    ++starts;
    seen_features = transport().negotiated();
    return on_start();
  }

  [[nodiscard]] Result<void, QueueError> on_notify(uint16_t index) override {
    ++notifications;
    Virtqueue& queue = *transport().queue(index);
    while (auto chain = TRY(queue.pop())) {
      if (hold) {
        held.emplace_back(index, std::move(*chain));
      } else {
        TRY(answer(queue, std::move(*chain)));
        on_answer(index);
      }
    }
    return {};
  }

  // Answers what was held back, in run-work.
  [[nodiscard]] Result<void, QueueError> answer_held() {
    for (auto& [index, chain] : std::exchange(held, {})) {
      Virtqueue* const queue = transport().queue(index);
      if (queue != nullptr) TRY(answer(*queue, std::move(chain)));
    }
    return {};
  }

  void stop() override {
    ++stops;
    if (forgetful) held.clear();
  }
  void stop_queue(uint16_t index) override {
    stopped_queues.push_back(index);
    std::erase_if(held, [&](const auto& entry) { return entry.first == index; });
  }
  void write_config(uint32_t offset, std::span<const std::byte> data) override {
    config_writes.emplace_back(offset, data.size());
  }

  static constexpr std::array<uint8_t, 13> kConfig = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};

  // What the test wants:
  bool hold = false;
  bool forgetful = true;  // false: keeps chains over a reset, as no device may
  std::function<Result<void, QueueError>()> on_start = [] { return Result<void, QueueError>(); };
  std::function<void(uint16_t queue)> on_answer = [](uint16_t) {};
  // What happened:
  int starts = 0;
  int stops = 0;
  int notifications = 0;
  uint64_t seen_features = 0;
  std::vector<uint16_t> stopped_queues;
  std::vector<std::pair<uint32_t, size_t>> config_writes;
  std::vector<std::pair<uint16_t, DescriptorChain>> held;

 private:
  static Result<void, QueueError> answer(Virtqueue& queue, DescriptorChain chain) {
    std::vector<std::byte> bytes(std::min(chain.readable_bytes(), chain.writable_bytes()));
    TRY(chain.read(bytes));
    TRY(chain.write(bytes));
    const auto size = static_cast<uint32_t>(bytes.size());
    return queue.push(std::move(chain), size);
  }

  const std::vector<uint16_t> queue_sizes_;
  const QueueService service_;
};

}  // namespace redoubt
