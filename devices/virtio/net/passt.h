// SPDX-License-Identifier: Apache-2.0
//
// Passt: the host's network through a passt process of our own. It has one pair of queues and takes
// and gives frames that are whole, with right checksums.
#pragma once

#include <cstdint>

#include "devices/virtio/net/frame_stream.h"
#include "devices/virtio/net/net_backend.h"
#include "devices/virtio/net/net_options.h"
#include "devices/virtio/net/passt_process.h"
#include "vmm/base/event_loop.h"

namespace redoubt {

class Passt final : public NetBackend {
 public:
  // Of the options it takes name (for messages). Throws SetupError; see PasstProcess.
  Passt(const NetOptions& options, EventLoop& loop);

  [[nodiscard]] uint64_t features() const override { return 0; }
  [[nodiscard]] uint16_t pairs() const override { return 1; }
  [[nodiscard]] BorrowedFd fd(uint16_t) const override { return stream_.fd(); }
  void set_offloads(uint64_t) override {}
  [[nodiscard]] bool set_pairs(uint16_t) override { return true; }
  [[nodiscard]] Result<std::optional<Frame>, Gone> receive(uint16_t) override;
  [[nodiscard]] Result<Sent, Gone> send(uint16_t, const NetHeader&,
                                        std::span<const std::byte> frame) override;
  [[nodiscard]] Result<bool, Gone> flush(uint16_t) override;

  [[nodiscard]] pid_t pid() const { return process_.pid(); }

 private:
  struct Ends;
  Passt(const NetOptions& options, EventLoop& loop, Ends ends);
  [[nodiscard]] Gone gone(FrameStream::End end);

  FrameStream stream_;
  PasstProcess process_;
};

}  // namespace redoubt
