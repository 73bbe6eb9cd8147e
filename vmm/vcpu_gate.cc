// SPDX-License-Identifier: Apache-2.0
#include "vmm/vcpu_gate.h"

namespace redoubt {

template <class Condition>
VcpuGate::Verdict VcpuGate::wait_until(Condition condition) {
  std::unique_lock lock(mutex_);
  ++waiting_;
  changed_.notify_all();
  changed_.wait(lock, [&] { return stopped_ || (!closed_ && condition()); });
  --waiting_;
  return stopped_ ? Verdict::Stop : Verdict::Run;
}

VcpuGate::Verdict VcpuGate::pass() {
  return wait_until([] { return true; });
}

VcpuGate::Verdict VcpuGate::wait_for_memory() {
  uint64_t seen = 0;
  {
    const std::lock_guard lock(mutex_);
    seen = memory_retries_;
  }
  return wait_until([this, seen] { return memory_retries_ != seen; });
}

VcpuGate::Verdict VcpuGate::wait_for_stop() {
  return wait_until([] { return false; });
}

void VcpuGate::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

void VcpuGate::wait_closed() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return waiting_ == threads_; });
}

void VcpuGate::open() {
  const std::lock_guard lock(mutex_);
  closed_ = false;
  changed_.notify_all();
}

void VcpuGate::retry_memory() {
  const std::lock_guard lock(mutex_);
  ++memory_retries_;
  changed_.notify_all();
}

void VcpuGate::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

}  // namespace redoubt
