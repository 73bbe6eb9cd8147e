// SPDX-License-Identifier: Apache-2.0
#include "devices/console/console_input.h"

#include <algorithm>
#include <array>
#include <utility>

#include <sys/epoll.h>

#include "vmm/base/log.h"

namespace redoubt {

namespace {

constexpr size_t kChunk = 4096;
constexpr size_t kTypeAhead = size_t{64} * 1024;

}  // namespace

ConsoleInput::ConsoleInput(EventLoop& loop) : loop_(loop) {
  kick_watch_ = loop.watch(kick_.fd(), EPOLLIN, [this](uint32_t) {
    kick_.drain();
    turn();
  });
}

void ConsoleInput::connect(Sink sink) {
  sink_ = std::move(sink);
  wanted();
}

void ConsoleInput::attach(StreamFd stream, Ended on_end) {
  attach_terminal(std::move(stream), {}, std::move(on_end));
}

void ConsoleInput::attach_terminal(StreamFd terminal, Filter filter, Ended on_end) {
  detach();
  stream_ = std::move(terminal);
  filter_ = std::move(filter);
  on_end_ = std::move(on_end);
  stream_watch_ = loop_.watch(stream_->fd(), EPOLLIN, [this](uint32_t) { turn(); });
  waiting_ = stream_watch_.active();
  wait_for_stream();
}

void ConsoleInput::detach() {
  stream_watch_.cancel();
  waiting_ = false;
  stream_.reset();
}

void ConsoleInput::pause() {
  paused_ = true;
  wait_for_stream();
}

void ConsoleInput::resume() {
  paused_ = false;
  wait_for_stream();
}

bool ConsoleInput::wants_to_read() const {
  return stream_ && !paused_ && (pending_.empty() || filter_);
}

void ConsoleInput::turn() {
  offer();
  if (wants_to_read()) {
    read_some();
    offer();
  }
  wait_for_stream();
}

void ConsoleInput::offer() {
  if (!sink_ || pending_.empty()) return;
  taken_ += sink_(std::span(pending_).subspan(taken_));
  if (taken_ < pending_.size()) return;
  pending_.clear();
  taken_ = 0;
}

void ConsoleInput::read_some() {
  std::array<std::byte, kChunk> bytes;
  const auto size = stream_->read(bytes);
  if (!size && would_block(size.error())) return;
  if (!size || *size == 0) {
    end();
    return;
  }
  std::span<std::byte> fresh = std::span(bytes).first(*size);
  if (filter_) fresh = fresh.first(filter_(fresh));
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<ptrdiff_t>(taken_));
  taken_ = 0;
  const size_t room = kTypeAhead - std::min(kTypeAhead, pending_.size());
  if (fresh.size() > room) {
    static log::RateLimit limit;
    log::guest(limit, "console: the guest does not read its input, {} bytes of it lost",
               fresh.size() - room);
    fresh = fresh.first(room);
  }
  pending_.insert(pending_.end(), fresh.begin(), fresh.end());
}

void ConsoleInput::end() {
  detach();
  if (const Ended on_end = std::exchange(on_end_, {})) on_end();
}

// Level-triggered: the stream is watched exactly as long as it would be read.
void ConsoleInput::wait_for_stream() {
  const bool wait = wants_to_read();
  if (!stream_watch_.active()) {
    if (wait) kick_.signal();  // a file is always ready
    return;
  }
  if (wait == waiting_) return;
  waiting_ = wait;
  stream_watch_.set_events(wait ? uint32_t{EPOLLIN} : 0);
}

}  // namespace redoubt
