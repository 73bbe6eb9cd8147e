// SPDX-License-Identifier: Apache-2.0
//
// ConsoleInput: bytes on their way from a stream to the guest. A stream is read only when the guest
// has taken what was read before, so that a hundred megabytes piped in wait outside. A terminal is
// always read, because the escape key must work when the guest does not listen: what the guest does
// not take is kept up to 64 KiB and then dropped.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "devices/console/console_backend.h"
#include "devices/console/stream_fd.h"
#include "vmm/base/event_fd.h"
#include "vmm/base/event_loop.h"

namespace redoubt {

class ConsoleInput {
 public:
  using Sink = ConsoleBackend::Sink;
  // The stream ended or failed, and was detached. Loop thread.
  using Ended = std::function<void()>;
  // Takes bytes out, in place, and returns how many are left at the front. Loop thread.
  using Filter = std::function<size_t(std::span<std::byte>)>;

  explicit ConsoleInput(EventLoop& loop);  // throws std::system_error

  // Any thread: the sink has room again. Never blocks.
  void wanted() noexcept { kick_.signal(); }

  // The rest: loop thread, or while the loop is not running.
  void connect(Sink sink);
  void attach(StreamFd stream, Ended on_end);
  void attach_terminal(StreamFd terminal, Filter filter, Ended on_end);
  void detach();
  [[nodiscard]] bool attached() const { return stream_.has_value(); }
  // While paused, the stream is left alone.
  void pause();
  void resume();

 private:
  [[nodiscard]] bool wants_to_read() const;
  void turn();
  void offer();
  void read_some();
  void end();
  void wait_for_stream();

  EventLoop& loop_;
  Sink sink_;
  std::optional<StreamFd> stream_;
  Ended on_end_;
  Filter filter_;  // for a terminal
  bool paused_ = false;
  std::vector<std::byte> pending_;
  size_t taken_ = 0;  // of pending_, by the sink
  EventFd kick_;
  EventLoop::Watch stream_watch_;  // inactive for what epoll cannot wait for, such as files
  bool waiting_ = false;           // stream_watch_ waits for EPOLLIN
  EventLoop::Watch kick_watch_;
};

}  // namespace redoubt
