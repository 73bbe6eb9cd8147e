// SPDX-License-Identifier: Apache-2.0
//
// HostEnd: a test at the host's end of something that a guest reads and writes: a console port, or
// a port of its vsock. What does not come within kPatience is a std::runtime_error; what the system
// refuses, a std::system_error.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "vmm/base/unique_fd.h"

namespace redoubt::suite {

class HostEnd {
 public:
  explicit HostEnd(UniqueFd fd) : fd_(std::move(fd)) {}
  // A client of whoever listens at this unix socket.
  [[nodiscard]] static HostEnd connect(const std::filesystem::path& socket);
  // A user of this terminal, which does not become ours.
  [[nodiscard]] static HostEnd open_terminal(const std::filesystem::path& terminal);

  void write(std::string_view text) const;
  // The other side reads the end, and may still write. Of a socket.
  void end_writing() const;
  [[nodiscard]] std::string read_line();  // without its end
  [[nodiscard]] std::string read_to_end();

 private:
  [[nodiscard]] bool read_some();  // false at the end

  UniqueFd fd_;
  std::string read_;
};

// Listens at a unix socket, whose file stays.
class HostServer {
 public:
  explicit HostServer(const std::filesystem::path& socket);
  [[nodiscard]] HostEnd accept() const;

 private:
  UniqueFd fd_;
};

}  // namespace redoubt::suite
