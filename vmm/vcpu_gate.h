// SPDX-License-Identifier: Apache-2.0
//
// VcpuGate: where vCPU threads wait when they are not to run. The machine (loop thread) closes it
// to look at the guest's memory at rest, and for good to end the guest; a vCPU thread waits here
// by itself when the kernel has no memory for it, or when its guest has ended.
//
// This is the one place where the loop waits for vCPU threads. It cannot deadlock: a vCPU thread
// outside KVM_RUN does bounded work that never waits for the loop.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace redoubt {

class VcpuGate {
 public:
  enum class Verdict { Run, Stop };

  explicit VcpuGate(size_t threads) : threads_(threads) {}

  // vCPU threads. Each returns when the thread may run again, or must end.
  [[nodiscard]] Verdict pass();             // waits while the gate is closed
  [[nodiscard]] Verdict wait_for_memory();  // waits until retry_memory()
  [[nodiscard]] Verdict wait_for_stop();    // waits until stop()

  // Loop thread. The caller kicks the vCPUs out of KVM_RUN between close() and wait_closed().
  void close();
  void wait_closed();  // until every vCPU thread waits at the gate
  void open();
  void retry_memory();
  void stop();

 private:
  template <class Condition>
  Verdict wait_until(Condition condition);

  const size_t threads_;
  std::mutex mutex_;
  // Protected by mutex_.
  std::condition_variable changed_;
  size_t waiting_ = 0;
  uint64_t memory_retries_ = 0;
  bool closed_ = false;
  bool stopped_ = false;
};

}  // namespace redoubt
