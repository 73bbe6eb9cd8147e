// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/vsock/vsock_listener.h"

#include <array>
#include <ctime>
#include <string_view>
#include <system_error>
#include <utility>

#include <sys/epoll.h>
#include <sys/socket.h>

#include "vmm/base/log.h"

namespace redoubt {

namespace {

constexpr int kBacklog = 64;

}  // namespace

VsockListener::VsockListener(EventLoop& loop, const std::filesystem::path& path,
                             std::chrono::milliseconds patience, Connect on_connect)
    : loop_(loop),
      patience_(patience),
      on_connect_(std::move(on_connect)),
      socket_(path, "vsock", kBacklog),
      timer_(CLOCK_MONOTONIC) {
  timer_watch_ = loop.watch(timer_.fd(), EPOLLIN, [this](uint32_t) { on_timer(); });
  socket_watch_ = loop.watch(socket_.fd(), 0, [this](uint32_t) { on_connection(); });
}

void VsockListener::open() {
  open_ = true;
  wait_for_more();
}

void VsockListener::close() {
  open_ = false;
  clients_.clear();
  timer_.disarm();
  exhausted_ = false;
  wait_for_more();
}

void VsockListener::wait_for_more() {
  const bool room = open_ && !exhausted_ && clients_.size() < kMaxClients;
  socket_watch_.set_events(room ? uint32_t{EPOLLIN} : 0);
}

void VsockListener::on_connection() {
  Result<UniqueFd, std::error_code> socket = socket_.accept();
  if (socket) {
    try {
      add(*std::move(socket));
    } catch (const std::system_error& error) {
      log::warn("vsock: cannot take a client: {}", error.what());
    }
  } else if (out_of_resources(socket.error())) {
    static log::RateLimit limit;
    log::guest(limit, "vsock: cannot take a client: {}", socket.error().message());
    exhausted_ = true;
    timer_.arm_after(patience_);
  }
  wait_for_more();
}

void VsockListener::add(UniqueFd socket) {
  Client& client = clients_.emplace_back();
  client.socket = std::move(socket);
  client.deadline = Clock::now() + patience_;
  try {
    client.watch =
        loop_.watch(client.socket, EPOLLIN, [this, &client](uint32_t) { on_line(client); });
  } catch (const std::system_error&) {
    clients_.pop_back();
    throw;
  }
  if (clients_.size() == 1) timer_.arm_after(patience_);
}

// The line is read without a byte of what follows it, which is for the guest.
void VsockListener::on_line(Client& client) {
  std::array<char, ConnectLine::kMaxBytes> bytes{};
  const ssize_t size = ::recv(client.socket.get(), bytes.data(), bytes.size(), MSG_PEEK);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) return remove(client);
  const size_t taken = client.line.take(std::string_view(bytes.data(), static_cast<size_t>(size)));
  if (::recv(client.socket.get(), bytes.data(), taken, 0) != static_cast<ssize_t>(taken)) {
    return remove(client);
  }
  if (client.line.state() == ConnectLine::State::Partial) return;
  if (client.line.state() == ConnectLine::State::Bad) {
    log::info("vsock: a client that did not say CONNECT PORT was closed");
    return remove(client);
  }
  const uint32_t port = client.line.port();
  client.watch.cancel();
  UniqueFd socket = std::move(client.socket);
  remove(client);
  on_connect_(std::move(socket), port);
}

void VsockListener::remove(const Client& client) {
  clients_.remove_if([&](const Client& other) { return &other == &client; });
  wait_for_more();
}

void VsockListener::on_timer() {
  timer_.drain();
  exhausted_ = false;
  const Clock::time_point now = Clock::now();
  while (!clients_.empty() && clients_.front().deadline <= now) clients_.pop_front();
  if (!clients_.empty()) timer_.arm_after(clients_.front().deadline - now);
  wait_for_more();
}

}  // namespace redoubt
