// SPDX-License-Identifier: Apache-2.0
//
// Unix stream sockets by path: a listening one with its file, and a connection to somebody else's.
// All descriptors are non-blocking.
#pragma once

#include <filesystem>
#include <string>
#include <system_error>

#include <sys/stat.h>
#include <sys/un.h>

#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"

namespace redoubt {

inline constexpr size_t kMaxSocketPath = sizeof(sockaddr_un::sun_path) - 1;

// A connection to whoever listens at `path` now; EAGAIN if its backlog is full.
[[nodiscard]] Result<UniqueFd, std::error_code> connect_unix(const std::filesystem::path& path);

class UnixListener {
 public:
  // Listens at `path`, for its owner only, and removes the file at the end. A socket that nobody
  // listens to any more is replaced, anything else there is an error. `device` begins the message
  // of an error, "console", and its remedy speaks of `device`.path. Throws SetupError or
  // std::system_error.
  UnixListener(std::filesystem::path path, std::string device, int backlog);
  ~UnixListener();
  UnixListener(const UnixListener&) = delete;
  UnixListener& operator=(const UnixListener&) = delete;

  [[nodiscard]] BorrowedFd fd() const { return fd_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  // The next client. `out_of_resources()` errors stay: the listener remains readable.
  [[nodiscard]] Result<UniqueFd, std::error_code> accept() const;

 private:
  [[noreturn]] void refuse(const std::string& why, const std::string& remedy) const;
  void remove_stale() const;

  const std::filesystem::path path_;
  const std::string device_;
  struct stat identity_ {};  // of the file we made at path_
  UniqueFd fd_;
};

// Whether accept() fails for want of descriptors or memory, and so would again at once.
[[nodiscard]] bool out_of_resources(const std::error_code& error);

}  // namespace redoubt
