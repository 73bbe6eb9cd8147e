// SPDX-License-Identifier: Apache-2.0
//
// VsockListener: the unix socket where programs of the host ask for a port of the guest. A client
// says "CONNECT PORT\n" and is handed on; one that says something else, or nothing for too long, is
// closed. Only so many may be undecided at once; further ones wait in the socket's own queue.
//
// Loop thread only, or while the loop is not running.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>

#include "devices/timer_fd.h"
#include "devices/unix_socket.h"
#include "devices/virtio/vsock/connect_line.h"
#include "vmm/base/event_loop.h"
#include "vmm/base/unique_fd.h"

namespace redoubt {

class VsockListener {
 public:
  static constexpr size_t kMaxClients = 64;

  using Connect = std::function<void(UniqueFd client, uint32_t port)>;

  // Takes no clients before open(). Throws SetupError or std::system_error.
  VsockListener(EventLoop& loop, const std::filesystem::path& path,
                std::chrono::milliseconds patience, Connect on_connect);

  void open();
  // Closes whoever is undecided; new ones wait.
  void close();

 private:
  using Clock = std::chrono::steady_clock;

  struct Client {
    UniqueFd socket;
    Clock::time_point deadline;
    ConnectLine line;
    EventLoop::Watch watch;
  };

  void on_connection();
  void add(UniqueFd socket);
  void on_line(Client& client);
  void remove(const Client& client);
  void on_timer();
  void wait_for_more();

  // Constant after construction.
  EventLoop& loop_;
  const std::chrono::milliseconds patience_;
  const Connect on_connect_;
  UnixListener socket_;

  bool open_ = false;
  bool exhausted_ = false;     // no descriptors left; tried again when the timer expires
  std::list<Client> clients_;  // oldest first
  TimerFd timer_;
  EventLoop::Watch timer_watch_;
  EventLoop::Watch socket_watch_;
};

}  // namespace redoubt
