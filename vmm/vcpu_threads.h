// SPDX-License-Identifier: Apache-2.0
//
// VcpuThreads: one thread for each vCPU, running it and serving its exits until the guest ends.
// Constructed and destroyed on the loop thread; joined on destruction, never detached.
#pragma once

#include <csignal>
#include <span>
#include <thread>
#include <vector>

#include "devices/mmio_bus.h"
#include "vmm/kvm/vcpu.h"
#include "vmm/vcpu_events.h"
#include "vmm/vcpu_gate.h"

namespace redoubt {

class VcpuThreads {
 public:
  // All three must outlive this object. After it has reported ENOMEM a thread waits for
  // retry_memory(), after any other event to be ended.
  VcpuThreads(std::span<kvm::Vcpu> vcpus, MmioBus& bus, VcpuEvents& events);
  ~VcpuThreads();
  VcpuThreads(const VcpuThreads&) = delete;
  VcpuThreads& operator=(const VcpuThreads&) = delete;

  void pause();  // returns when no vCPU runs
  void resume();
  void retry_memory();

 private:
  void kick_all();
  void run_vcpu(kvm::Vcpu& vcpu) noexcept;
  [[nodiscard]] VcpuGate::Verdict serve(kvm::Vcpu& vcpu, const kvm::Exit& exit);

  // Constant after construction.
  const std::span<kvm::Vcpu> vcpus_;
  MmioBus& bus_;
  // With locks of their own.
  VcpuEvents& events_;
  VcpuGate gate_;
  // Loop thread only.
  std::vector<std::jthread> threads_;
};

}  // namespace redoubt
