// SPDX-License-Identifier: Apache-2.0
//
// Ownership of file descriptors. UniqueFd owns and closes once; BorrowedFd is the parameter type of
// everything that only uses a descriptor. A plain int appears only on the line that calls libc.
#pragma once

#include <cerrno>
#include <utility>

#include <unistd.h>

namespace redoubt {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  // `if (!fd)` would be true for descriptor 0 were there a conversion to int: ask valid().
  bool operator!() const = delete;

  // Keeps errno, so that it can stand between a failed call and the report of it. close() is not
  // repeated on EINTR: on Linux the descriptor is gone by then.
  void reset(int fd = -1) {
    const int saved_errno = errno;
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
    errno = saved_errno;
  }
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

class BorrowedFd {
 public:
  // Implicit: any owner can be lent for the length of a call.
  BorrowedFd(const UniqueFd& owner) : fd_(owner.get()) {}  // NOLINT(google-explicit-constructor)
  explicit BorrowedFd(int fd) : fd_(fd) {}

  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace redoubt
