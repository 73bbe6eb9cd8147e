// SPDX-License-Identifier: Apache-2.0
//
// Tap: a tap interface of the host (the kernel's Documentation/networking/tuntap), with one
// descriptor for each pair of queues. An interface that we make vanishes with its descriptors, and
// is up from the start; one that was there stays as it was.
//
// Frames of a tap carry the header of virtio themselves, so segmentation and checksums are left to
// whoever needs them done: the host's network card, or the guest.
//
// vhost-net takes the descriptors as its backends; it uses features(), fd(), set_offloads() and
// set_pairs().
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "devices/virtio/net/net_backend.h"
#include "devices/virtio/net/net_options.h"
#include "vmm/base/unique_fd.h"

namespace redoubt {

class Tap final : public NetBackend {
 public:
  // Of the options it takes name (for messages), tap or fd, and queues. The descriptor *fd stays
  // open, and becomes non-blocking for all who share it. Throws SetupError if the host does not
  // give the interface.
  explicit Tap(const NetOptions& options);
  ~Tap() override;

  // The interface's name in its network namespace, which need not be ours.
  [[nodiscard]] const std::string& interface() const { return interface_; }

  [[nodiscard]] uint64_t features() const override;
  [[nodiscard]] uint16_t pairs() const override { return static_cast<uint16_t>(queues_.size()); }
  [[nodiscard]] BorrowedFd fd(uint16_t pair) const override { return queues_.at(pair).fd; }
  void set_offloads(uint64_t negotiated) override;
  [[nodiscard]] bool set_pairs(uint16_t count) override;
  [[nodiscard]] Result<std::optional<Frame>, Gone> receive(uint16_t pair) override;
  [[nodiscard]] Result<Sent, Gone> send(uint16_t pair, const NetHeader& header,
                                        std::span<const std::byte> frame) override;
  [[nodiscard]] Result<bool, Gone> flush(uint16_t) override { return true; }

 private:
  struct Queue {
    UniqueFd fd;
    std::vector<std::byte> buffer;  // of the frame received last
  };

  [[nodiscard]] bool move_pairs(uint16_t count);
  [[nodiscard]] Gone gone() const;

  // Constant after construction.
  std::string name_;
  std::string interface_;
  // See NetBackend.
  std::vector<Queue> queues_;
  uint16_t attached_ = 0;  // the first so many get frames
};

}  // namespace redoubt
