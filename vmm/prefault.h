// SPDX-License-Identifier: Apache-2.0
//
// Prefault: gives a guest all of its memory before it runs (KVM_PRE_FAULT_MEMORY), so that it takes
// no faults for it later and a host that cannot spare it says so at once. Piece by piece, for the
// loop to serve its other sources in between. Everything throws SetupError or std::system_error.
// Loop thread only, while there are no vCPU threads.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "vmm/base/protection.h"
#include "vmm/kvm/vcpu.h"
#include "vmm/kvm/vm.h"
#include "vmm/memory/guest_memory.h"

namespace redoubt {

class Prefault {
 public:
  // Refuses (HostUnfit) what the kernel cannot do. `first` is the guest's first vCPU, which must
  // outlive this object; all of the VM must stand when it begins.
  Prefault(const kvm::Vm& vm, kvm::Vcpu& first, Protection protection,
           std::span<const MemorySlot> slots);

  // Gives the next piece; the first time, after letting the vCPU in and out again, by which EL2 has
  // the registers that were set before. False when the guest has everything.
  [[nodiscard]] bool give_piece();

  [[nodiscard]] uint64_t total() const { return total_; }  // bytes

 private:
  void enter();
  [[noreturn]] void fail(const kvm::RunFailure& failure) const;

  kvm::Vcpu& first_;
  const Protection protection_;
  std::vector<GuestRange> left_;  // the last one comes first
  uint64_t total_ = 0;
  uint64_t given_ = 0;
  bool entered_ = false;
};

}  // namespace redoubt
