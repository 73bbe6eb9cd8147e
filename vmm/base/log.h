// SPDX-License-Identifier: Apache-2.0
//
// The log: one spdlog logger to stderr. Levels are for readers, not for modules:
//   error  an operation the user asked for failed
//   warn   abnormal, but the guest goes on
//   info   state changes an operator wants, at most some fifteen lines for a boot
//   debug  single events
// Messages read `component: what, value`, lower case, no full stop, addresses as {:#x}.
// Whatever a guest can provoke goes through log::guest(), so that it cannot fill a disk.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace redoubt::log {

enum class Level { Error, Warn, Info, Debug };

// Call once, before the first message. `raw_terminal` can be switched on later by whoever puts the
// terminal that stderr writes to into raw mode: lines then end in CR LF.
void init(Level level);
void set_raw_terminal(bool raw);

[[nodiscard]] bool enabled(Level level);
void write(Level level, std::string_view message);

template <class... Args>
void write_formatted(Level level, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(level)) write(level, fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  write_formatted(Level::Error, format, std::forward<Args>(args)...);
}
template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  write_formatted(Level::Warn, format, std::forward<Args>(args)...);
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  write_formatted(Level::Info, format, std::forward<Args>(args)...);
}
template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  write_formatted(Level::Debug, format, std::forward<Args>(args)...);
}

// A token bucket: `burst` messages at once, then `per_second` (1). Thread-safe, lock-free.
class RateLimit {
 public:
  explicit constexpr RateLimit(uint32_t burst = 5) : burst_(burst), tokens_(burst) {}
  // How many messages were swallowed since the last admitted one, or -1: swallow this one too.
  int64_t admit();

 private:
  static constexpr int64_t kRefillNanoseconds = 1'000'000'000;
  const int64_t burst_;
  std::atomic<int64_t> tokens_;
  std::atomic<int64_t> last_refill_ns_ = 0;
  std::atomic<int64_t> swallowed_ = 0;
};

// A warning that a guest can provoke; `limit` is a static object, one for each call site.
template <class... Args>
void guest(RateLimit& limit, fmt::format_string<Args...> format, Args&&... args) {
  const int64_t swallowed = limit.admit();
  if (swallowed < 0) return;
  if (swallowed > 0) {
    warn("{} ({} alike not shown)", fmt::format(format, std::forward<Args>(args)...), swallowed);
  } else {
    warn(format, std::forward<Args>(args)...);
  }
}

}  // namespace redoubt::log
