// SPDX-License-Identifier: Apache-2.0
//
// Runs a loop as long as a test needs it.
#pragma once

#include <chrono>
#include <functional>

#include "vmm/base/event_loop.h"

namespace redoubt {

// Dispatches until `done` is true; false if that takes half a minute, which is a failure.
[[nodiscard]] inline bool run_until(EventLoop& loop, const std::function<bool()>& done) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  bool in_time = true;
  const std::function<void()> check = [&] {
    in_time = std::chrono::steady_clock::now() < give_up;
    if (done() || !in_time) {
      loop.stop();
    } else {
      loop.post(check);
    }
  };
  loop.post(check);
  loop.run();
  return in_time;
}

// Dispatches what is ready by now, a few times over.
inline void run_some(EventLoop& loop) {
  int turns = 0;
  (void)run_until(loop, [&] { return ++turns > 100; });
}

}  // namespace redoubt
