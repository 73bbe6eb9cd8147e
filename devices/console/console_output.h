// SPDX-License-Identifier: Apache-2.0
//
// ConsoleOutput: what the guest says, on its way to a stream. vCPU threads put bytes into a ring of
// 64 KiB and go on; the loop thread writes them out a moment later, many at a time, because a UART
// delivers them one by one. While nothing is attached, or its reader does not read, the ring keeps
// the newest bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

#include "devices/console/output_ring.h"
#include "devices/console/stream_fd.h"
#include "devices/timer_fd.h"
#include "vmm/base/event_loop.h"

namespace redoubt {

class ConsoleOutput {
 public:
  // The stream has failed for good and was detached; what was not written is kept. Loop thread.
  using Broken = std::function<void(const std::error_code&)>;
  // Output was written out, or is discarded from now on. Loop thread.
  using Room = std::function<void()>;

  static constexpr size_t kCapacity = size_t{64} * 1024;

  explicit ConsoleOutput(EventLoop& loop);  // throws std::system_error

  // Any thread. Never blocks.
  void write(std::span<const std::byte> bytes) noexcept;
  // Bytes that an attached stream did not take in time, or refused. Any thread.
  [[nodiscard]] uint64_t lost() const;

  // Loop thread, or while the loop is not running.
  void attach(StreamFd stream, Broken on_broken);
  void detach();
  [[nodiscard]] bool attached() const { return stream_.has_value(); }
  // Bytes that write() takes without dropping older ones.
  [[nodiscard]] size_t room() const;
  void watch_room(Room on_room) { on_room_ = std::move(on_room); }
  // Writes out what is kept, until it is empty or the reader has done nothing for a tenth of a
  // second; then the rest is lost.
  void flush();

 private:
  enum class Outcome { Empty, More, Blocked, Broken };

  void turn();
  void write_out_and_wait();
  Outcome write_out();
  // What to do about an error: a file may have room again later, anything else does not heal.
  Outcome fail(const OutputRing::Chunk& chunk, const std::error_code& error);
  void break_off();
  void report_loss();

  // Guarded by mutex_: the third kind of lock, taken last and held for a copy at most. Without it a
  // vCPU would wait for the loop's write(2).
  mutable std::mutex mutex_;
  OutputRing ring_{kCapacity};
  bool attached_ = false;   // stream_ has a value
  bool scheduled_ = false;  // the loop will come: the timer is armed or the watch waits
  uint64_t lost_ = 0;
  bool loss_told_ = false;  // the loop was woken for the loss going on

  // Loop thread only.
  EventLoop& loop_;
  std::optional<StreamFd> stream_;
  Broken on_broken_;
  Room on_room_;
  std::error_code broken_by_;
  bool file_failing_ = false;
  uint64_t reported_loss_ = 0;
  TimerFd timer_;
  EventLoop::Watch stream_watch_;  // inactive for what epoll cannot wait for, such as files
  EventLoop::Watch timer_watch_;
};

}  // namespace redoubt
