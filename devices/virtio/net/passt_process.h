// SPDX-License-Identifier: Apache-2.0
//
// PasstProcess: a passt of our own, the program that connects a guest with the host's network
// without privileges. It never outlives us: see ChildProcess; and it ends by itself when its socket
// closes. What it says goes to our log, its end too.
//
// Loop thread, or while the loop is not running.
#pragma once

#include <string>

#include "vmm/base/child_process.h"
#include "vmm/base/event_loop.h"
#include "vmm/base/unique_fd.h"

namespace redoubt {

class PasstProcess {
 public:
  // `socket`: the end of a connected stream socket that passt gets; see FrameStream for what it
  // speaks there. `network` names the device in messages. Throws SetupError if there is no passt,
  // or it cannot be started.
  PasstProcess(std::string network, BorrowedFd socket, EventLoop& loop);
  PasstProcess(const PasstProcess&) = delete;
  PasstProcess& operator=(const PasstProcess&) = delete;
  ~PasstProcess() = default;

  // What passt said last, in front of which `before` is put; nothing, if it said nothing.
  [[nodiscard]] std::string last_words(std::string_view before);

  [[nodiscard]] pid_t pid() const { return process_.pid(); }

 private:
  void read_messages();
  void take_line(std::string_view line);
  void on_end();

  const std::string network_;
  std::string line_;       // the beginning of one that is not complete
  std::string last_line_;  // the last one that says something
  ChildProcess process_;
  EventLoop::Watch messages_watch_;
  EventLoop::Watch end_watch_;
};

}  // namespace redoubt
