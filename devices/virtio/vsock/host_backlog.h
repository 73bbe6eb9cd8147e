// SPDX-License-Identifier: Apache-2.0
//
// HostBacklog: bytes of the guest that a host socket has not taken yet. Bounded by who fills it;
// without contents it holds no memory. Loop thread only.
#pragma once

#include <cstddef>
#include <span>
#include <system_error>
#include <vector>

#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"

namespace redoubt {

class HostBacklog {
 public:
  // `total` counts the bytes of all of a device's.
  explicit HostBacklog(size_t& total) : total_(total) {}
  ~HostBacklog() { clear(); }
  HostBacklog(const HostBacklog&) = delete;
  HostBacklog& operator=(const HostBacklog&) = delete;

  // Sends `bytes` behind what is here already, and keeps what `socket` does not take. Returns how
  // many bytes left for the socket. An error is the end of the stream; nothing is kept then.
  Result<size_t, std::error_code> send(BorrowedFd socket, std::span<const std::byte> bytes);
  Result<size_t, std::error_code> flush(BorrowedFd socket) { return send(socket, {}); }
  void clear();

  [[nodiscard]] size_t size() const { return bytes_.size() - sent_; }

 private:
  size_t& total_;
  std::vector<std::byte> bytes_;
  size_t sent_ = 0;  // of bytes_
};

}  // namespace redoubt
