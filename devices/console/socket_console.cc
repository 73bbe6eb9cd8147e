// SPDX-License-Identifier: Apache-2.0
#include "devices/console/socket_console.h"

#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>

#include "vmm/base/log.h"
#include "vmm/base/setup_error.h"

namespace redoubt {

namespace fs = std::filesystem;

namespace {

constexpr int kBacklog = 8;

}  // namespace

SocketConsole::SocketConsole(EventLoop& loop, fs::path path)
    : StreamConsole(loop), listener_(std::move(path), "console", kBacklog) {
  listener_watch_ = loop.watch(listener_.fd(), EPOLLIN, [this](uint32_t) { on_connection(); });
  log::info("console: socket {}", listener_.path().string());
}

SocketConsole::~SocketConsole() { flush(); }

void SocketConsole::on_connection() {
  Result<UniqueFd, std::error_code> client = listener_.accept();
  if (!client) {
    if (!out_of_resources(client.error())) return;
    // The connection would be reported again at once, for ever.
    log::warn("console: cannot take a client: {}; no further one is taken",
              client.error().message());
    listener_watch_.cancel();
    return;
  }
  if (client_.valid() && client_hung_up()) drop_client();
  if (client_.valid()) {
    log::info("console: a second client was turned away");
    return;
  }
  try {
    take(*std::move(client));
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
