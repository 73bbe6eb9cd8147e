// SPDX-License-Identifier: Apache-2.0
//
// The in-kernel GICv3 (Documentation/virt/kvm/devices/arm-vgic-v3.rst). A protected guest has no
// other interrupt controller, and no interrupts without one.
#pragma once

#include <cstdint>

#include "vmm/base/unique_fd.h"
#include "vmm/kvm/vm.h"

namespace redoubt::kvm {

struct VgicLayout {
  uint64_t distributor;     // IPA of GICD, 64 KiB aligned
  uint64_t redistributors;  // IPA of the first GICR, 64 KiB aligned, 128 KiB for each vCPU
  uint32_t intids;          // implemented interrupt ids, a multiple of 32
};

class Vgic {
 public:
  // All vCPUs must exist already. Throws SetupError(HostUnfit) where the host has no GICv3.
  Vgic(const Vm& vm, uint32_t vcpus, const VgicLayout& layout);

 private:
  UniqueFd fd_;
};

}  // namespace redoubt::kvm
