// SPDX-License-Identifier: Apache-2.0
//
// LoopbackNetwork: what a guest sends comes back to it. It has room for a few frames, and refuses
// more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "devices/virtio/net/net_backend.h"
#include "devices/virtio/net/net_features.h"
#include "vmm/base/event_fd.h"

namespace redoubt::hostile {

class LoopbackNetwork final : public NetBackend {
 public:
  [[nodiscard]] uint64_t features() const override { return virtio::kNetOffloads; }
  [[nodiscard]] uint16_t pairs() const override { return 1; }
  [[nodiscard]] BorrowedFd fd(uint16_t) const override { return arrived_.fd(); }
  void set_offloads(uint64_t) override {}
  [[nodiscard]] bool set_pairs(uint16_t) override { return true; }

  [[nodiscard]] Result<std::optional<Frame>, Gone> receive(uint16_t) override {
    arrived_.drain();
    if (frames_.empty()) return std::nullopt;
    current_ = std::move(frames_.front());
    frames_.pop_front();
    if (!frames_.empty()) arrived_.signal();
    return Frame{current_.first, current_.second};
  }
  [[nodiscard]] Result<Sent, Gone> send(uint16_t, const NetHeader& header,
                                        std::span<const std::byte> frame) override {
    if (frames_.size() == kRoom) return Sent::Refused;
    frames_.emplace_back(header, std::vector(frame.begin(), frame.end()));
    arrived_.signal();
    return Sent::Taken;
  }
  [[nodiscard]] Result<bool, Gone> flush(uint16_t) override { return true; }

 private:
  static constexpr size_t kRoom = 8;

  EventFd arrived_;
  std::deque<std::pair<NetHeader, std::vector<std::byte>>> frames_;
  std::pair<NetHeader, std::vector<std::byte>> current_;
};

}  // namespace redoubt::hostile
