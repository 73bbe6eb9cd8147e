// SPDX-License-Identifier: Apache-2.0
#include "devices/unix_socket.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/base/setup_error.h"

namespace redoubt {

namespace fs = std::filesystem;

namespace {

std::error_code last_error() { return {errno, std::generic_category()}; }

// `path` fits, see kMaxSocketPath.
sockaddr_un address_of(const fs::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& name = path.native();
  std::memcpy(address.sun_path, name.c_str(), name.size());
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  // SAFETY: the socket calls take every kind of address as a sockaddr and look at sa_family first.
  return reinterpret_cast<const sockaddr*>(&address);
}

UniqueFd new_socket() {
  return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

}  // namespace

Result<UniqueFd, std::error_code> connect_unix(const fs::path& path) {
  if (path.native().size() > kMaxSocketPath) {
    return Unexpected(std::make_error_code(std::errc::filename_too_long));
  }
  const sockaddr_un address = address_of(path);
  UniqueFd fd = new_socket();
  if (!fd.valid() || ::connect(fd.get(), generic(address), sizeof(address)) != 0) {
    return Unexpected(last_error());
  }
  return fd;
}

UnixListener::UnixListener(fs::path path, std::string device, int backlog)
    : path_(std::move(path)), device_(std::move(device)) {
  if (path_.native().size() > kMaxSocketPath) {
    refuse("the path is too long for a unix socket",
           fmt::format("a socket's path has at most {} bytes: change {}.path", kMaxSocketPath,
                       device_));
  }
  remove_stale();
  const sockaddr_un address = address_of(path_);
  fd_ = new_socket();
  if (!fd_.valid()) throw_errno("socket");
  // The file that bind() makes takes its mode from the socket, so nobody else can connect even in
  // the moment before a chmod.
  if (::fchmod(fd_.get(), 0600) != 0) throw_errno("fchmod");
  if (::bind(fd_.get(), generic(address), sizeof(address)) != 0) {
    refuse(
        last_error().message(),
        fmt::format("give {}.path a name in a directory that exists and that this user may write",
                    device_));
  }
  if (::lstat(path_.c_str(), &identity_) != 0 || ::listen(fd_.get(), backlog) != 0) {
    refuse(last_error().message(), {});
  }
}

UnixListener::~UnixListener() {
  // Somebody may have put another socket there since.
  struct stat status {};
  if (::lstat(path_.c_str(), &status) == 0 && status.st_dev == identity_.st_dev &&
      status.st_ino == identity_.st_ino) {
    ::unlink(path_.c_str());
  }
}

void UnixListener::refuse(const std::string& why, const std::string& remedy) const {
  throw SetupError(fmt::format("{}: cannot listen at {}: {}", device_, path_.string(), why),
                   ExitStatus::SetupFailed, remedy);
}

// Makes room at the path if all that is there is a socket without a listener.
void UnixListener::remove_stale() const {
  struct stat status {};
  if (::lstat(path_.c_str(), &status) != 0) return;
  if (!S_ISSOCK(status.st_mode)) {
    refuse("something that is no socket is there",
           fmt::format("remove it if nothing needs it, or change {}.path", device_));
  }
  const auto probe = connect_unix(path_);
  if (probe || probe.error() == std::errc::resource_unavailable_try_again) {
    refuse("another process listens there",
           fmt::format("end that guest first, or change {}.path", device_));
  }
  if (probe.error() != std::errc::connection_refused) {
    refuse("a socket is there, and connecting to it says: " + probe.error().message(),
           fmt::format("remove it if nothing needs it, or change {}.path", device_));
  }
  ::unlink(path_.c_str());
}

Result<UniqueFd, std::error_code> UnixListener::accept() const {
  UniqueFd client(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!client.valid()) return Unexpected(last_error());
  return client;
}

bool out_of_resources(const std::error_code& error) {
  return error == std::errc::too_many_files_open ||
         error == std::errc::too_many_files_open_in_system ||
         error == std::errc::not_enough_memory || error == std::errc::no_buffer_space;
}

}  // namespace redoubt
