// SPDX-License-Identifier: Apache-2.0
//
// SocketConsole: the guest's console for a client of a unix socket, one at a time; while one is
// there, others are turned away. What the guest writes while there is none is kept up to a limit,
// so that a late client sees the boot.
#pragma once

#include <filesystem>

#include "devices/console/stream_console.h"
#include "devices/unix_socket.h"
#include "vmm/base/event_loop.h"
#include "vmm/base/unique_fd.h"

namespace redoubt {

class SocketConsole final : public StreamConsole {
 public:
  // Listens at `path`, for its owner only, and removes it at the end. A socket that nobody listens
  // to any more is replaced, anything else there is an error. Throws SetupError or
  // std::system_error.
  SocketConsole(EventLoop& loop, std::filesystem::path path);
  ~SocketConsole() override;

  // Without a client, one is waited for.
  [[nodiscard]] size_t output_room() const override { return output_.room(); }

 private:
  void on_connection();
  void take(UniqueFd client);
  [[nodiscard]] bool client_hung_up() const;
  void drop_client();

  const UnixListener listener_;
  UniqueFd client_;  // invalid: none
  EventLoop::Watch listener_watch_;
};

}  // namespace redoubt
