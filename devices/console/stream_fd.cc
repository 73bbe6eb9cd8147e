// SPDX-License-Identifier: Apache-2.0
#include "devices/console/stream_fd.h"

#include <algorithm>
#include <cerrno>
#include <string>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/base/setup_error.h"

namespace redoubt {

namespace {

// A terminal or pipe that polls as writable has room for this much.
constexpr size_t kSmallWrite = 256;

std::error_code error_of(int number) { return {number, std::generic_category()}; }

bool ready(BorrowedFd fd, short events) {
  pollfd poller{.fd = fd.get(), .events = events, .revents = 0};
  return ::poll(&poller, 1, 0) > 0;
}

// Repeats a call that a signal interrupted; turns -1 and errno into an error.
template <class Call>
Result<size_t, std::error_code> complete(Call call) {
  ssize_t moved = 0;
  do {
    moved = call();
  } while (moved < 0 && errno == EINTR);
  if (moved < 0) return Unexpected(error_of(errno));
  return static_cast<size_t>(moved);
}

}  // namespace

StreamFd StreamFd::share(BorrowedFd fd, Direction direction) {
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) throw_errno("fstat " + std::to_string(fd.get()));
  // A file opened again would start at offset 0 and lose O_APPEND.
  if (!S_ISREG(status.st_mode) && !S_ISSOCK(status.st_mode)) {
    const std::string self = "/proc/self/fd/" + std::to_string(fd.get());
    const int access = direction == Direction::Read ? O_RDONLY : O_WRONLY;
    UniqueFd own(::open(self.c_str(), access | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (own.valid()) return StreamFd(std::move(own));
  }
  UniqueFd copy(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy.valid()) throw_errno("dup " + std::to_string(fd.get()));
  if (S_ISREG(status.st_mode)) return StreamFd(std::move(copy));
  return {std::move(copy), S_ISSOCK(status.st_mode) ? Way::Socket : Way::PollFirst};
}

Result<size_t, std::error_code> StreamFd::read(std::span<std::byte> bytes) const {
  switch (way_) {
    case Way::Plain: break;
    case Way::Socket:
      return complete([&] { return ::recv(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT); });
    case Way::PollFirst:
      if (!ready(fd_, POLLIN)) return Unexpected(error_of(EAGAIN));
      break;
  }
  return complete([&] { return ::read(fd_.get(), bytes.data(), bytes.size()); });
}

Result<size_t, std::error_code> StreamFd::write(std::span<const std::byte> bytes) const {
  switch (way_) {
    case Way::Plain: break;
    case Way::Socket:
      return complete([&] {
        return ::send(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      });
    case Way::PollFirst:
      if (!ready(fd_, POLLOUT)) return Unexpected(error_of(EAGAIN));
      bytes = bytes.first(std::min(bytes.size(), kSmallWrite));
      break;
  }
  return complete([&] { return ::write(fd_.get(), bytes.data(), bytes.size()); });
}

}  // namespace redoubt
