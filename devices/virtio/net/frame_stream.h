// SPDX-License-Identifier: Apache-2.0
//
// FrameStream: Ethernet frames over a stream socket, each behind its length in four bytes, most
// significant first. That is how passt and QEMU's `-netdev stream` speak.
//
// Frames that are sent are gathered and leave together. Never waits. Used on one thread at a time.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "devices/virtio/net/net_backend.h"
#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"

namespace redoubt {

class FrameStream {
 public:
  enum class End {
    Closed,     // by the other side, or the connection broke
    BadLength,  // a frame longer than kMaxFrame: nothing that follows can be told apart
  };

  // A connected socket.
  explicit FrameStream(UniqueFd socket);

  // The next frame, 0 to kMaxFrame bytes, which stays where it is until the next call; nothing, if
  // it has not come as a whole.
  [[nodiscard]] Result<std::optional<std::span<const std::byte>>, End> receive();

  // At most kMaxFrame bytes. False, and nothing taken: there is no room, try again when the socket
  // is writable.
  [[nodiscard]] Result<bool, End> send(std::span<const std::byte> frame);

  // Sends what was taken. False: not all of it, try again when the socket is writable.
  [[nodiscard]] Result<bool, End> flush();

  [[nodiscard]] BorrowedFd fd() const { return socket_; }

 private:
  // Bytes between two positions of a buffer that never grows.
  struct Buffer {
    explicit Buffer(size_t size) : bytes(size) {}
    [[nodiscard]] std::span<std::byte> filled() {
      return std::span(bytes).subspan(begin, end - begin);
    }
    [[nodiscard]] std::span<std::byte> room() { return std::span(bytes).subspan(end); }
    void move_to_front();

    std::vector<std::byte> bytes;
    size_t begin = 0;
    size_t end = 0;
  };

  // Whether there is more to read; false: not now.
  [[nodiscard]] Result<bool, End> read_more();

  UniqueFd socket_;
  Buffer in_;
  Buffer out_;
};

}  // namespace redoubt
