// SPDX-License-Identifier: Apache-2.0
//
// NetBackend: the host's side of a network device, where frames come from and go to. Nothing here
// ever waits; fd() tells when to try again.
//
// Loop thread only, but for set_pairs(), which is also called from VirtioDevice::stop(): never
// beside another call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "devices/virtio/net/net_header.h"
#include "devices/virtio/net/net_options.h"
#include "vmm/base/event_loop.h"
#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"

namespace redoubt {

class NetBackend {
 public:
  struct Frame {
    NetHeader header;  // without num_buffers
    std::span<const std::byte> data;
  };
  // It will not come back: every later call says so again.
  struct Gone {
    std::string why;
  };
  enum class Sent {
    Taken,
    NotNow,   // try again when fd() is writable
    Refused,  // this frame cannot be sent
  };

  NetBackend() = default;
  NetBackend(const NetBackend&) = delete;
  NetBackend& operator=(const NetBackend&) = delete;
  virtual ~NetBackend() = default;

  // Constants: those of virtio::kNetOffloads that it can do its part for; pairs of queues; for each
  // pair, what is readable when a frame has come and writable when one can be sent.
  [[nodiscard]] virtual uint64_t features() const = 0;
  [[nodiscard]] virtual uint16_t pairs() const = 0;
  [[nodiscard]] virtual BorrowedFd fd(uint16_t pair) const = 0;

  // What the driver has accepted: frames that come from now on need nothing else of it.
  virtual void set_offloads(uint64_t negotiated) = 0;
  // Frames come on the first `count` pairs alone, at first on one. False if the host refused.
  [[nodiscard]] virtual bool set_pairs(uint16_t count) = 0;

  // The next frame, which stays where it is until the next call for this pair; nothing, if there is
  // none now. It has any length up to kMaxFrame.
  [[nodiscard]] virtual Result<std::optional<Frame>, Gone> receive(uint16_t pair) = 0;

  // One frame of kMinFrame to kMaxFrame bytes, with a right header. What was taken may still have
  // to be flushed.
  [[nodiscard]] virtual Result<Sent, Gone> send(uint16_t pair, const NetHeader& header,
                                                std::span<const std::byte> frame) = 0;
  // Sends on what was taken; false: there is more, try again when fd() is writable.
  [[nodiscard]] virtual Result<bool, Gone> flush(uint16_t pair) = 0;
};

// The tap or passt that the options ask for. Throws SetupError.
[[nodiscard]] std::unique_ptr<NetBackend> open_net_backend(const NetOptions& options,
                                                           EventLoop& loop);

}  // namespace redoubt
