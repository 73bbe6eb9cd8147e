// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/native/second_cpu.h"

#include <utility>

namespace redoubt::hostile {

SecondCpu::~SecondCpu() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void SecondCpu::order(std::function<void()> work) {
  if (!work && !thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    work_ = std::move(work);
  }
  changed_.notify_one();
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
}

void SecondCpu::run() {
  // Long enough to be there whenever the device looks, short enough for an order to get through.
  constexpr int kTimesForEachLock = 64;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ended_ || work_; });
      if (ended_) return;
      for (int i = 0; i < kTimesForEachLock; ++i) work_();
    }
    std::this_thread::yield();  // a mutex is not fair by itself
  }
}

}  // namespace redoubt::hostile
