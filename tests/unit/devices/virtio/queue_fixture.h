// SPDX-License-Identifier: Apache-2.0
//
// A virtqueue of 16 entries between a FakeDriver and the test, which plays the device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "devices/virtio/features.h"
#include "devices/virtio/virtqueue.h"
#include "tests/unit/devices/virtio/fake_driver.h"

namespace redoubt {

inline constexpr uint64_t kAllQueueFeatures = virtio::kIndirectDesc | virtio::kEventIdx;

inline std::string text_of(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte byte : bytes) text += std::to_integer<char>(byte);
  return text;
}

class QueueFixture : public ::testing::Test {
 protected:
  static constexpr uint16_t kSize = 16;

  explicit QueueFixture(uint64_t features = kAllQueueFeatures,
                        FakeDriver::Memory kind = FakeDriver::Memory::Window)
      : driver(kind) {
    driver.add_queue(kSize);
    start_over(features);
  }

  // Empty rings and a new queue.
  void start_over(uint64_t features = kAllQueueFeatures) {
    driver.reset_queue(0);
    queue.emplace(Virtqueue::create(driver.memory(), driver.layout(0), features, 1).value());
  }

  // The next request, which must be there.
  DescriptorChain pop() {
    queue->begin_turn();
    auto chain = queue->pop();
    EXPECT_TRUE(chain.has_value()) << describe(chain.error());
    return std::move(chain.value().value());
  }
  bool is_empty() {
    queue->begin_turn();
    const auto chain = queue->pop();
    return chain.has_value() && !chain->has_value();
  }
  // "" if the next request is well-formed, or if there is none.
  std::string error_of_pop() {
    queue->begin_turn();
    const auto chain = queue->pop();
    return chain ? "" : std::string(describe(chain.error()));
  }
  void push(DescriptorChain chain, uint32_t written) {
    ASSERT_TRUE(queue->push(std::move(chain), written));
  }

  FakeDriver driver;
  std::optional<Virtqueue> queue;
};

}  // namespace redoubt
