// SPDX-License-Identifier: Apache-2.0
//
// The only file that includes <linux/kvm.h>. Constants newer than the headers of the oldest
// distribution we build on (Debian 12: Linux 6.1) stand below, each with the kernel that brought
// it; a test compares them with the headers of the kernel we target.
#pragma once

#include <linux/kvm.h>

// Linux 6.8: KVM_RUN says which guest-physical range could not be mapped.
#ifndef KVM_EXIT_MEMORY_FAULT
#define KVM_EXIT_MEMORY_FAULT 39
#endif

// Linux 6.11: memory that a guest is given before it touches it. Linux 7.2 has it on arm64 for no
// VM.
#ifndef KVM_CAP_PRE_FAULT_MEMORY
#define KVM_CAP_PRE_FAULT_MEMORY 236
#define KVM_PRE_FAULT_MEMORY _IOWR(KVMIO, 0xd5, ::redoubt::kvm::PreFaultMemory)
#endif

// Linux 7.2: a VM whose memory and EL2 state are out of the host's reach.
#ifndef KVM_VM_TYPE_ARM_PROTECTED
#define KVM_VM_TYPE_ARM_PROTECTED (1UL << 31)
#endif

// PSCI SYSTEM_OFF2 and SYSTEM_RESET2 flags need no definition here: only the event type is used.

namespace redoubt::kvm {

// The payload of KVM_EXIT_MEMORY_FAULT, which lies at the start of the exit union of kvm_run.
struct MemoryFault {
  __u64 flags;
  __u64 gpa;
  __u64 size;
};

// The argument of KVM_PRE_FAULT_MEMORY. The kernel leaves in it what it has not dealt with.
struct PreFaultMemory {
  __u64 gpa;
  __u64 size;
  __u64 flags;
  __u64 padding[5];
};

}  // namespace redoubt::kvm
