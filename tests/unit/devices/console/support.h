// SPDX-License-Identifier: Apache-2.0
//
// Pipes, terminals and directories for the console's tests.
#pragma once

#include <array>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/base/captured_log.h"
#include "vmm/base/unique_fd.h"

namespace redoubt {

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

inline std::string text_of(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte byte : bytes) text += std::to_integer<char>(byte);
  return text;
}

// Two ends; for a pipe, `far` is the one to read from.
struct Ends {
  UniqueFd near;
  UniqueFd far;
};

inline Ends make_pipe(int flags = O_NONBLOCK) {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), flags | O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  return {UniqueFd(fds[1]), UniqueFd(fds[0])};
}

inline Ends make_socketpair(int flags = SOCK_NONBLOCK) {
  std::array<int, 2> fds{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0, fds.data()) != 0) {
    throw std::runtime_error("socketpair");
  }
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

// A new pseudo-terminal: `near` is its master.
inline Ends make_terminal() {
  UniqueFd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!master.valid() || ::grantpt(master.get()) != 0 || ::unlockpt(master.get()) != 0) {
    throw std::runtime_error("posix_openpt");
  }
  std::array<char, 64> name{};
  if (::ptsname_r(master.get(), name.data(), name.size()) != 0) throw std::runtime_error("ptsname");
  UniqueFd slave(::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!slave.valid()) throw std::runtime_error("open the terminal");
  return {std::move(master), std::move(slave)};
}

// What can be read right now.
inline std::string read_available(BorrowedFd fd) {
  const int flags = ::fcntl(fd.get(), F_GETFL);
  ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK);
  std::string text;
  std::array<char, 4096> buffer{};
  ssize_t size = 0;
  while ((size = ::read(fd.get(), buffer.data(), buffer.size())) > 0) {
    text.append(buffer.data(), static_cast<size_t>(size));
  }
  ::fcntl(fd.get(), F_SETFL, flags);
  return text;
}

inline bool write_text(BorrowedFd fd, std::string_view text) {
  return ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// Fills whatever lies behind a non-blocking descriptor.
inline size_t fill(BorrowedFd fd) {
  const std::string block(4096, 'f');
  size_t total = 0;
  for (const size_t size : {block.size(), size_t{1}}) {
    ssize_t written = 0;
    while ((written = ::write(fd.get(), block.data(), size)) > 0) {
      total += static_cast<size_t>(written);
    }
  }
  return total;
}

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = "/tmp/redoubt-test-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = name;
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] std::filesystem::path operator/(std::string_view name) const {
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

// As main() does: a reader that left is an EPIPE.
class IgnoreSigpipe {
 public:
  IgnoreSigpipe() : previous_(std::signal(SIGPIPE, SIG_IGN)) {}
  ~IgnoreSigpipe() { std::signal(SIGPIPE, previous_); }
  IgnoreSigpipe(const IgnoreSigpipe&) = delete;
  IgnoreSigpipe& operator=(const IgnoreSigpipe&) = delete;

 private:
  void (*previous_)(int);
};

}  // namespace redoubt
