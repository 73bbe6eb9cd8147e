// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/vsock/host_backlog.h"

#include <cerrno>

#include <sys/socket.h>

namespace redoubt {

namespace {

// Bytes taken; 0 if the socket is full.
Result<size_t, std::error_code> send_some(BorrowedFd socket, std::span<const std::byte> bytes) {
  if (bytes.empty()) return size_t{0};
  ssize_t sent = 0;
  do {
    sent = ::send(socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) return static_cast<size_t>(sent);
  if (errno == EAGAIN) return size_t{0};
  return Unexpected(std::error_code(errno, std::generic_category()));
}

}  // namespace

Result<size_t, std::error_code> HostBacklog::send(BorrowedFd socket,
                                                  std::span<const std::byte> bytes) {
  size_t left = 0;
  if (size() > 0) {
    const auto sent = send_some(socket, std::span(bytes_).subspan(sent_));
    if (!sent) {
      clear();
      return Unexpected(sent.error());
    }
    left = *sent;
    sent_ += *sent;
    total_ -= *sent;
    if (size() == 0) clear();
  }
  if (size() == 0) {
    const auto sent = send_some(socket, bytes);
    if (!sent) return Unexpected(sent.error());
    left += *sent;
    bytes = bytes.subspan(*sent);
  }
  if (!bytes.empty()) {
    // What was sent makes room, so that the memory is no more than twice the contents.
    if (sent_ >= bytes_.size() / 2) {
      bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<ptrdiff_t>(sent_));
      sent_ = 0;
    }
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    total_ += bytes.size();
  }
  return left;
}

void HostBacklog::clear() {
  total_ -= size();
  bytes_ = {};
  sent_ = 0;
}

}  // namespace redoubt
