// SPDX-License-Identifier: Apache-2.0
#include "vmm/base/log.h"

#include <algorithm>
#include <ctime>
#include <memory>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace redoubt::log {

namespace {

constexpr const char* kPattern = "%^redoubt: %l:%$ %v";

int64_t monotonic_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::Error: return spdlog::level::err;
    case Level::Warn: return spdlog::level::warn;
    case Level::Info: return spdlog::level::info;
    case Level::Debug: return spdlog::level::debug;
  }
  return spdlog::level::info;
}

void set_pattern(const char* line_end) {
  spdlog::default_logger()->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      kPattern, spdlog::pattern_time_type::local, line_end));
}

}  // namespace

void init(Level level) {
  // The colour sink colours only when stderr is a terminal.
  spdlog::set_default_logger(std::make_shared<spdlog::logger>(
      "redoubt", std::make_shared<spdlog::sinks::stderr_color_sink_mt>()));
  spdlog::set_level(to_spdlog(level));
  set_pattern("\n");
}

bool enabled(Level level) { return spdlog::should_log(to_spdlog(level)); }

void write(Level level, std::string_view message) { spdlog::log(to_spdlog(level), message); }

void set_raw_terminal(bool raw) { set_pattern(raw ? "\r\n" : "\n"); }

int64_t RateLimit::admit() {
  // Races between threads may admit or swallow one message too many, no more.
  const int64_t now = monotonic_ns();
  const int64_t last = last_refill_ns_.load(std::memory_order_relaxed);
  if (const int64_t earned = (now - last) / kRefillNanoseconds; earned > 0) {
    last_refill_ns_.store(now, std::memory_order_relaxed);
    const int64_t tokens = tokens_.load(std::memory_order_relaxed);
    tokens_.store(std::min(burst_, tokens + earned), std::memory_order_relaxed);
  }
  if (tokens_.fetch_sub(1, std::memory_order_relaxed) <= 0) {
    tokens_.fetch_add(1, std::memory_order_relaxed);
    swallowed_.fetch_add(1, std::memory_order_relaxed);
    return -1;
  }
  return swallowed_.exchange(0, std::memory_order_relaxed);
}

}  // namespace redoubt::log
