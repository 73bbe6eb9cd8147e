// SPDX-License-Identifier: Apache-2.0
#include "devices/console/socket_console.h"

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vmm/base/log.h"
#include "vmm/base/setup_error.h"

namespace redoubt {

namespace fs = std::filesystem;

namespace {

constexpr int kBacklog = 8;

[[noreturn]] void refuse(const fs::path& path, const std::string& why, std::string remedy) {
  throw SetupError(fmt::format("console: cannot listen at {}: {}", path.string(), why),
                   ExitStatus::SetupFailed, std::move(remedy));
}

std::string errno_text() { return std::generic_category().message(errno); }

sockaddr_un address_of(const fs::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& name = path.native();
  if (name.size() >= sizeof(address.sun_path)) {
    refuse(path, "the path is too long for a unix socket",
           fmt::format("a socket's path has at most {} bytes: change console.path",
                       sizeof(address.sun_path) - 1));
  }
  std::memcpy(address.sun_path, name.c_str(), name.size());
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  // SAFETY: the socket calls take every kind of address as a sockaddr and look at sa_family first.
  return reinterpret_cast<const sockaddr*>(&address);
}

UniqueFd new_socket() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) throw_errno("socket");
  return fd;
}

// Makes room at `path` if all that is there is a socket without a listener.
void remove_stale(const fs::path& path, const sockaddr_un& address) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return;
  if (!S_ISSOCK(status.st_mode)) {
    refuse(path, "something that is no socket is there",
           "remove it if nothing needs it, or change console.path");
  }
  const UniqueFd probe = new_socket();
  if (::connect(probe.get(), generic(address), sizeof(address)) == 0 || errno == EAGAIN) {
    refuse(path, "another process listens there", "end that guest first, or change console.path");
  }
  if (errno != ECONNREFUSED) {
    refuse(path, "a socket is there, and connecting to it says: " + errno_text(),
           "remove it if nothing needs it, or change console.path");
  }
  ::unlink(path.c_str());
}

}  // namespace

SocketConsole::SocketConsole(EventLoop& loop, fs::path path)
    : StreamConsole(loop), path_(std::move(path)) {
  listen();
  listener_watch_ = loop.watch(listener_, EPOLLIN, [this](uint32_t) { on_connection(); });
  log::info("console: socket {}", path_.string());
}

SocketConsole::~SocketConsole() {
  flush();
  // Somebody may have put another socket there since.
  struct stat status {};
  if (::lstat(path_.c_str(), &status) == 0 && status.st_dev == identity_.st_dev &&
      status.st_ino == identity_.st_ino) {
    ::unlink(path_.c_str());
  }
}

void SocketConsole::listen() {
  const sockaddr_un address = address_of(path_);
  remove_stale(path_, address);
  listener_ = new_socket();
  // The file that bind() makes takes its mode from the socket, so nobody else can connect even in
  // the moment before a chmod.
  if (::fchmod(listener_.get(), 0600) != 0) throw_errno("fchmod");
  if (::bind(listener_.get(), generic(address), sizeof(address)) != 0) {
    refuse(path_, errno_text(),
           "give console.path a name in a directory that exists and that this user may write");
  }
  if (::lstat(path_.c_str(), &identity_) != 0 || ::listen(listener_.get(), kBacklog) != 0) {
    refuse(path_, errno_text(), {});
  }
}

void SocketConsole::on_connection() {
  UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!client.valid()) {
    if (errno != EMFILE && errno != ENFILE && errno != ENOMEM) return;
    // The connection would be reported again at once, for ever.
    log::warn("console: cannot take a client: {}; no further one is taken", errno_text());
    listener_watch_.cancel();
    return;
  }
  if (client_.valid() && client_hung_up()) drop_client();
  if (client_.valid()) {
    log::info("console: a second client was turned away");
    return;
  }
  try {
    take(std::move(client));
  } catch (const std::system_error& error) {
    log::warn("console: cannot take a client: {}", error.what());
    drop_client();
  }
}

void SocketConsole::take(UniqueFd client) {
  client_ = std::move(client);
  UniqueFd for_input(::fcntl(client_.get(), F_DUPFD_CLOEXEC, 0));
  UniqueFd for_output(::fcntl(client_.get(), F_DUPFD_CLOEXEC, 0));
  if (!for_input.valid() || !for_output.valid()) throw_errno("dup");
  // A client may end its side and still read ours.
  input_.attach(StreamFd(std::move(for_input)), [this] {
    if (client_hung_up()) drop_client();
  });
  output_.attach(StreamFd(std::move(for_output)),
                 [this](const std::error_code&) { drop_client(); });
  log::info("console: a client has come");
}

bool SocketConsole::client_hung_up() const {
  pollfd poller{.fd = client_.get(), .events = 0, .revents = 0};
  return ::poll(&poller, 1, 0) > 0 && (poller.revents & (POLLHUP | POLLERR)) != 0;
}

void SocketConsole::drop_client() {
  input_.detach();
  output_.detach();
  client_.reset();
  log::info("console: the client has gone");
}

}  // namespace redoubt
