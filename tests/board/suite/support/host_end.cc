// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/host_end.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "tests/board/suite/support/redoubt_process.h"
#include "vmm/base/setup_error.h"

namespace redoubt::suite {

namespace {

void wait_readable(const UniqueFd& fd) {
  pollfd poller{.fd = fd.get(), .events = POLLIN, .revents = 0};
  const auto patience = std::chrono::milliseconds(kPatience).count();
  const int ready = ::poll(&poller, 1, static_cast<int>(patience));
  if (ready < 0) throw_errno("poll");
  if (ready == 0) throw std::runtime_error("nothing came from the guest");
}

UniqueFd make_socket() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) throw_errno("socket");
  return fd;
}

sockaddr_un address_of(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.native().copy(std::begin(address.sun_path), sizeof address.sun_path - 1);
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  // SAFETY: the socket calls take every kind of address through this type, and its size.
  return reinterpret_cast<const sockaddr*>(&address);
}

}  // namespace

HostEnd HostEnd::connect(const std::filesystem::path& socket) {
  UniqueFd fd = make_socket();
  const sockaddr_un address = address_of(socket);
  if (::connect(fd.get(), generic(address), sizeof address) != 0) throw_errno(socket);
  return HostEnd(std::move(fd));
}

HostEnd HostEnd::open_terminal(const std::filesystem::path& terminal) {
  UniqueFd fd(::open(terminal.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!fd.valid()) throw_errno(terminal);
  return HostEnd(std::move(fd));
}

void HostEnd::write(std::string_view text) const {
  while (!text.empty()) {
    const ssize_t size = ::write(fd_.get(), text.data(), text.size());
    if (size < 0) throw_errno("write to the guest");
    text.remove_prefix(static_cast<size_t>(size));
  }
}

void HostEnd::end_writing() const { ::shutdown(fd_.get(), SHUT_WR); }

bool HostEnd::read_some() {
  wait_readable(fd_);
  std::array<char, 65536> buffer{};
  const ssize_t size = ::read(fd_.get(), buffer.data(), buffer.size());
  if (size < 0) throw_errno("read from the guest");
  read_.append(buffer.data(), static_cast<size_t>(size));
  return size > 0;
}

std::string HostEnd::read_line() {
  while (read_.find('\n') == std::string::npos) {
    if (!read_some()) throw std::runtime_error("the guest ended within a line: " + read_);
  }
  const size_t end = read_.find('\n');
  std::string line = read_.substr(0, end);
  read_.erase(0, end + 1);
  return line;
}

std::string HostEnd::read_to_end() {
  while (read_some()) {
  }
  return std::exchange(read_, {});
}

HostServer::HostServer(const std::filesystem::path& path) : fd_(make_socket()) {
  const sockaddr_un address = address_of(path);
  if (::bind(fd_.get(), generic(address), sizeof address) != 0 || ::listen(fd_.get(), 8) != 0) {
    throw_errno(path);
  }
}

HostEnd HostServer::accept() const {
  wait_readable(fd_);
  UniqueFd client(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!client.valid()) throw_errno("accept");
  return HostEnd(std::move(client));
}

}  // namespace redoubt::suite
