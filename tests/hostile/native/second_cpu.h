// SPDX-License-Identifier: Apache-2.0
//
// SecondCpu: the other CPU of a hostile guest, a thread that does one small thing over and over.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace redoubt::hostile {

class SecondCpu {
 public:
  SecondCpu() = default;
  ~SecondCpu();
  SecondCpu(const SecondCpu&) = delete;
  SecondCpu& operator=(const SecondCpu&) = delete;

  // From now on instead of what it did; nothing, if `work` is empty. What it did before is over
  // when this returns. The thread starts with the first order.
  void order(std::function<void()> work);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  std::function<void()> work_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace redoubt::hostile
