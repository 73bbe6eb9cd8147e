// SPDX-License-Identifier: Apache-2.0
#include "devices/console/console_output.h"

#include <array>
#include <chrono>
#include <ctime>
#include <utility>

#include <poll.h>
#include <sys/epoll.h>

#include "vmm/base/log.h"

namespace redoubt {

namespace {

// How long the loop waits for more characters before it writes: too short for anybody to see, long
// enough that a line costs one wake-up instead of eighty.
constexpr std::chrono::milliseconds kGathering{1};

constexpr size_t kChunk = 4096;
constexpr size_t kBytesPerTurn = size_t{64} * 1024;  // then other handlers get theirs

// flush() gives up after ten waits in a row, or a hundred in all.
constexpr int kFlushWaitMilliseconds = 10;
constexpr int kFlushIdleWaits = 10;
constexpr int kFlushWaits = 100;

}  // namespace

ConsoleOutput::ConsoleOutput(EventLoop& loop) : loop_(loop), timer_(CLOCK_MONOTONIC) {
  timer_watch_ = loop.watch(timer_.fd(), EPOLLIN, [this](uint32_t) {
    timer_.drain();
    turn();
  });
}

void ConsoleOutput::write(std::span<const std::byte> bytes) noexcept {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    const size_t lost = ring_.push(bytes);
    if (!attached_) return;
    wake = !scheduled_;
    scheduled_ = true;
    lost_ += lost;
    if (lost > 0 && !loss_told_) wake = loss_told_ = true;
  }
  if (wake) timer_.arm_after(kGathering);
}

size_t ConsoleOutput::room() const {
  const std::lock_guard lock(mutex_);
  return kCapacity - ring_.size();
}

uint64_t ConsoleOutput::lost() const {
  const std::lock_guard lock(mutex_);
  return lost_;
}

void ConsoleOutput::attach(StreamFd stream, Broken on_broken) {
  detach();
  stream_ = std::move(stream);
  on_broken_ = std::move(on_broken);
  file_failing_ = false;
  {
    const std::lock_guard lock(mutex_);
    attached_ = true;
    scheduled_ = true;
  }
  stream_watch_ = loop_.watch(stream_->fd(), EPOLLOUT, [this](uint32_t) { turn(); });
  if (!stream_watch_.active()) timer_.arm_after(kGathering);
}

void ConsoleOutput::detach() {
  {
    const std::lock_guard lock(mutex_);
    attached_ = false;
    scheduled_ = false;
  }
  stream_watch_.cancel();
  stream_.reset();
}

void ConsoleOutput::turn() {
  if (!stream_) return;
  write_out_and_wait();
  if (on_room_) on_room_();
}

void ConsoleOutput::write_out_and_wait() {
  switch (write_out()) {
    case Outcome::Empty: stream_watch_.set_events(0); break;
    case Outcome::More: timer_.arm_after(std::chrono::nanoseconds(1)); break;
    case Outcome::Blocked:
      stream_watch_.set_events(EPOLLOUT);
      if (!stream_watch_.active()) timer_.arm_after(kGathering);
      break;
    case Outcome::Broken: break_off(); return;
  }
  report_loss();
}

ConsoleOutput::Outcome ConsoleOutput::write_out() {
  std::array<std::byte, kChunk> bytes;
  for (size_t done = 0; done < kBytesPerTurn;) {
    OutputRing::Chunk chunk{};
    {
      const std::lock_guard lock(mutex_);
      chunk = ring_.peek(bytes);
      if (chunk.size == 0) {
        scheduled_ = false;
        return Outcome::Empty;
      }
    }
    const auto written = stream_->write(std::span(bytes).first(chunk.size));
    if (!written) return fail(chunk, written.error());
    const std::lock_guard lock(mutex_);
    lost_ -= ring_.consume(chunk, *written);
    done += *written;
    file_failing_ = false;
    loss_told_ = false;
  }
  return Outcome::More;
}

ConsoleOutput::Outcome ConsoleOutput::fail(const OutputRing::Chunk& chunk,
                                           const std::error_code& error) {
  if (would_block(error)) return Outcome::Blocked;
  if (stream_watch_.active()) {
    broken_by_ = error;
    return Outcome::Broken;
  }
  if (!file_failing_) {
    log::warn("console: cannot write the output: {}; it is lost until that changes",
              error.message());
  }
  file_failing_ = true;
  const std::lock_guard lock(mutex_);
  lost_ += chunk.size - ring_.consume(chunk, chunk.size);
  return Outcome::More;
}

void ConsoleOutput::break_off() {
  const Broken on_broken = std::exchange(on_broken_, {});
  detach();
  if (on_broken) on_broken(broken_by_);
}

void ConsoleOutput::report_loss() {
  const uint64_t lost = this->lost();
  if (lost == reported_loss_ || file_failing_) return;
  reported_loss_ = lost;
  static log::RateLimit limit;
  log::guest(limit, "console: the output is not read fast enough, {} bytes of it lost so far",
             lost);
}

void ConsoleOutput::flush() {
  int idle = 0;
  for (int waits = 0; stream_ && waits < kFlushWaits && idle < kFlushIdleWaits; ++waits) {
    const Outcome outcome = write_out();
    if (outcome == Outcome::Empty) break;
    if (outcome == Outcome::Broken) break_off();
    if (outcome != Outcome::Blocked) continue;
    pollfd poller{.fd = stream_->fd().get(), .events = POLLOUT, .revents = 0};
    idle = ::poll(&poller, 1, kFlushWaitMilliseconds) > 0 ? 0 : idle + 1;
  }
  if (!stream_) return;
  {
    const std::lock_guard lock(mutex_);
    lost_ += ring_.size();
    ring_.clear();
  }
  report_loss();
}

}  // namespace redoubt
