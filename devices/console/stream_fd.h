// SPDX-License-Identifier: Apache-2.0
//
// StreamFd: a descriptor that is read or written without ever blocking. Standard input and output
// are shared with the shell and with whatever runs next: O_NONBLOCK, which belongs to the open file
// and not to the descriptor, must not be set on them. What can be opened a second time is; sockets
// have flags for each call; the rest is polled first.
#pragma once

#include <cstddef>
#include <span>
#include <system_error>

#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"

namespace redoubt {

class StreamFd {
 public:
  enum class Direction { Read, Write };

  // `fd` is ours alone and has O_NONBLOCK set, or is a file, which does not block.
  explicit StreamFd(UniqueFd fd) : fd_(std::move(fd)) {}
  // `fd` belongs to somebody else as well and stays open. Throws std::system_error.
  [[nodiscard]] static StreamFd share(BorrowedFd fd, Direction direction);

  // How many bytes were moved; for read(), 0 is the end. std::errc::operation_would_block: not now,
  // poll and try again.
  [[nodiscard]] Result<size_t, std::error_code> read(std::span<std::byte> bytes) const;
  [[nodiscard]] Result<size_t, std::error_code> write(std::span<const std::byte> bytes) const;
  [[nodiscard]] BorrowedFd fd() const { return fd_; }

 private:
  enum class Way { Plain, Socket, PollFirst };
  StreamFd(UniqueFd fd, Way way) : fd_(std::move(fd)), way_(way) {}

  UniqueFd fd_;
  Way way_ = Way::Plain;
};

[[nodiscard]] inline bool would_block(const std::error_code& error) {
  return error == std::errc::operation_would_block;
}

}  // namespace redoubt
