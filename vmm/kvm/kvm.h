// SPDX-License-Identifier: Apache-2.0
//
// The KVM system descriptor. Capabilities that are properties of the host's KVM are asked here;
// those of one VM on kvm::Vm, because a protected VM answers 0 for whatever it does not allow-list
// (arch/arm64/include/asm/kvm_pkvm.h of Linux).
#pragma once

#include <cstddef>
#include <cstdint>

#include "vmm/base/unique_fd.h"

namespace redoubt::kvm {

class Kvm {
 public:
  // Opens /dev/kvm. Throws SetupError(HostUnfit) with the remedy: missing, no permission, an API
  // other than 12.
  Kvm();

  [[nodiscard]] BorrowedFd fd() const { return fd_; }
  // 0: absent.
  [[nodiscard]] int capability(unsigned long capability) const;
  // Bits of guest-physical address that a VM can have at most; 40 where the kernel cannot tell.
  [[nodiscard]] uint32_t max_ipa_bits() const;
  [[nodiscard]] size_t vcpu_mmap_size() const;

 private:
  UniqueFd fd_;
};

}  // namespace redoubt::kvm
