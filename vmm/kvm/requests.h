// SPDX-License-Identifier: Apache-2.0
//
// Every KVM request Redoubt makes (Documentation/virt/kvm/api.rst of Linux, section 4).
#pragma once

#include "vmm/kvm/ioctl.h"
#include "vmm/kvm/uapi.h"

namespace redoubt::kvm::request {

// On /dev/kvm.
inline constexpr IoctlValue get_api_version{KVM_GET_API_VERSION, "KVM_GET_API_VERSION"};
inline constexpr IoctlValue create_vm{KVM_CREATE_VM, "KVM_CREATE_VM"};
inline constexpr IoctlValue get_vcpu_mmap_size{KVM_GET_VCPU_MMAP_SIZE, "KVM_GET_VCPU_MMAP_SIZE"};

// On /dev/kvm and on a VM; the two answer differently for a protected VM, which filters by an
// allow-list.
inline constexpr IoctlValue check_extension{KVM_CHECK_EXTENSION, "KVM_CHECK_EXTENSION"};

// On a VM.
inline constexpr IoctlIn<kvm_userspace_memory_region> set_user_memory_region{
    KVM_SET_USER_MEMORY_REGION, "KVM_SET_USER_MEMORY_REGION"};
inline constexpr IoctlValue create_vcpu{KVM_CREATE_VCPU, "KVM_CREATE_VCPU"};
inline constexpr IoctlOut<kvm_create_device> create_device{KVM_CREATE_DEVICE, "KVM_CREATE_DEVICE"};
inline constexpr IoctlOut<kvm_vcpu_init> preferred_target{KVM_ARM_PREFERRED_TARGET,
                                                          "KVM_ARM_PREFERRED_TARGET"};
inline constexpr IoctlIn<kvm_irq_level> irq_line{KVM_IRQ_LINE, "KVM_IRQ_LINE"};
inline constexpr IoctlIn<kvm_irqfd> irqfd{KVM_IRQFD, "KVM_IRQFD"};
inline constexpr IoctlIn<kvm_ioeventfd> ioeventfd{KVM_IOEVENTFD, "KVM_IOEVENTFD"};

// On a VM and on a vCPU.
inline constexpr IoctlValue get_stats_fd{KVM_GET_STATS_FD, "KVM_GET_STATS_FD"};

// On a device.
inline constexpr IoctlIn<kvm_device_attr> set_device_attr{KVM_SET_DEVICE_ATTR,
                                                          "KVM_SET_DEVICE_ATTR"};

// On a vCPU.
inline constexpr IoctlIn<kvm_vcpu_init> vcpu_init{KVM_ARM_VCPU_INIT, "KVM_ARM_VCPU_INIT"};
inline constexpr IoctlIn<kvm_one_reg> set_one_reg{KVM_SET_ONE_REG, "KVM_SET_ONE_REG"};
inline constexpr IoctlOut<PreFaultMemory> pre_fault_memory{KVM_PRE_FAULT_MEMORY,
                                                           "KVM_PRE_FAULT_MEMORY"};
inline constexpr IoctlValue run{KVM_RUN, "KVM_RUN"};

}  // namespace redoubt::kvm::request
