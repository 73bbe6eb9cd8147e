// SPDX-License-Identifier: Apache-2.0
//
// Built for the board, this compares our own definitions with the headers of the kernel we target;
// built elsewhere, with whatever headers are there.
#include "vmm/kvm/uapi.h"

#include <cstddef>

#include <gtest/gtest.h>

namespace redoubt::kvm {
namespace {

TEST(Uapi, constants_newer_than_the_oldest_headers_are_the_kernels) {
  EXPECT_EQ(KVM_EXIT_MEMORY_FAULT, 39);
  EXPECT_EQ(KVM_VM_TYPE_ARM_PROTECTED, 1UL << 31);
  EXPECT_EQ(KVM_CAP_PRE_FAULT_MEMORY, 236);
  EXPECT_EQ(KVM_PRE_FAULT_MEMORY, 0xc040aed5UL);
}

#ifdef KVM_CAP_MEMORY_FAULT_INFO
TEST(Uapi, memory_fault_lies_in_kvm_run_as_the_kernel_has_it) {
  EXPECT_EQ(sizeof(MemoryFault), sizeof(kvm_run::memory_fault));
  EXPECT_EQ(offsetof(kvm_run, memory_fault), offsetof(kvm_run, padding));
  EXPECT_EQ(offsetof(MemoryFault, gpa),
            offsetof(kvm_run, memory_fault.gpa) - offsetof(kvm_run, memory_fault));
}
#endif

}  // namespace
}  // namespace redoubt::kvm
