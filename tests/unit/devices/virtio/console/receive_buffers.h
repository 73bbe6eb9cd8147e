// SPDX-License-Identifier: Apache-2.0
//
// ReceiveBuffers: the driver's side of a queue in which it waits for bytes of the device's. Memory
// is used again, so that a test can go on for long.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "tests/unit/devices/virtio/fake_driver.h"

namespace redoubt {

class ReceiveBuffers {
 public:
  ReceiveBuffers(FakeDriver& driver, uint16_t queue, uint32_t size)
      : driver_(driver), queue_(queue), size_(size) {}

  // Makes buffers available. Does not notify.
  void give(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      if (free_.empty()) free_.push_back(driver_.allocate(size_));
      const GuestRange range = free_.back();
      free_.pop_back();
      driver_.write(range.start(), std::vector(size_, std::byte{0xa5}));
      given_.emplace(driver_.chain().writable_at(range.start(), size_).submit(queue_).head, range);
    }
  }

  // What came since the last call, each cut to the length that the device told; what lies behind
  // that must not have been touched.
  [[nodiscard]] std::vector<std::vector<std::byte>> take() {
    std::vector<std::vector<std::byte>> received;
    for (const Used& used : driver_.used(queue_)) {
      const GuestRange range = given_.at(used.head);
      std::vector<std::byte> bytes = driver_.read(range);
      for (size_t i = used.length; i < bytes.size(); ++i) {
        untouched_ = untouched_ && bytes[i] == std::byte{0xa5};
      }
      bytes.resize(used.length);
      received.push_back(std::move(bytes));
      given_.erase(used.head);
      free_.push_back(range);
    }
    return received;
  }
  [[nodiscard]] bool rest_untouched() const { return untouched_; }
  [[nodiscard]] size_t waiting() const { return given_.size(); }

  // After a reset of the device.
  void forget() {
    for (const auto& [head, range] : given_) free_.push_back(range);
    given_.clear();
  }

 private:
  FakeDriver& driver_;
  const uint16_t queue_;
  const uint32_t size_;
  std::map<uint32_t, GuestRange> given_;
  std::vector<GuestRange> free_;
  bool untouched_ = true;
};

}  // namespace redoubt
