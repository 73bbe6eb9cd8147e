// SPDX-License-Identifier: Apache-2.0
//
// Direct calls to KVM. Deliberately not the VMM's own KVM room: the suite is to notice when that
// room's assumptions stop being true. What a test needs in order to get anywhere throws
// std::system_error when it fails, or Unavailable where the host cannot have protected VMs; what a
// test is about returns the errno of its call, 0 for success.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <linux/kvm.h>

#include "tests/board/suite/support/backing.h"
#include "vmm/base/unique_fd.h"

// Linux 7.2.
#ifndef KVM_VM_TYPE_ARM_PROTECTED
#define KVM_VM_TYPE_ARM_PROTECTED (1UL << 31)
#endif

namespace redoubt::suite {

enum class Protection { Protected, Unprotected };

// /dev/kvm.
class Kvm {
 public:
  Kvm();

  [[nodiscard]] BorrowedFd fd() const { return fd_; }
  [[nodiscard]] int check_extension(int capability) const;
  // Not valid, and errno set, where KVM refuses.
  [[nodiscard]] UniqueFd create_vm(unsigned long type) const;

 private:
  UniqueFd fd_;
};

// Throws Unavailable where the host has no protected VMs.
void require_protected_vms();
// Whether they have a capability, as KVM_CHECK_EXTENSION on one of them says. Throws as well.
[[nodiscard]] bool protected_vms_have(int capability);

// The identifier of a 64-bit register by its offset in kvm_regs.
[[nodiscard]] constexpr uint64_t core_register(size_t offset) {
  return KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | offset / sizeof(uint32_t);
}

class Vcpu {
 public:
  Vcpu(BorrowedFd vm, unsigned id, size_t run_size);
  Vcpu(const Vcpu&) = delete;
  Vcpu& operator=(const Vcpu&) = delete;
  ~Vcpu();

  [[nodiscard]] BorrowedFd fd() const { return fd_; }
  [[nodiscard]] kvm_run& state() const { return *run_; }
  [[nodiscard]] int run();
  void set_one_reg(uint64_t id, uint64_t value);
  // `value` has the room that the identifier asks for.
  [[nodiscard]] int get_one_reg(uint64_t id, void* value) const;
  // The identifiers of all registers that KVM has to show.
  [[nodiscard]] std::vector<uint64_t> register_list() const;

 private:
  UniqueFd fd_;
  size_t run_size_;
  kvm_run* run_;
};

// A VM with its vCPUs and its GICv3, which is laid out as the VMM lays it out. Every vCPU but the
// first is powered off. Destruction closes every descriptor and with it ends the VM.
class Vm {
 public:
  static constexpr uint64_t kGicDistributor = 0x0800'0000;
  static constexpr uint64_t kGicRedistributors = 0x080a'0000;

  Vm(Protection protection, unsigned vcpus);

  [[nodiscard]] BorrowedFd fd() const { return fd_; }
  [[nodiscard]] Vcpu& vcpu(unsigned index) { return *vcpus_[index]; }
  [[nodiscard]] int check_extension(int capability) const;
  [[nodiscard]] int set_memory(uint32_t slot, uint64_t ipa, const Backing& backing,
                               uint32_t flags = 0);
  [[nodiscard]] int delete_memory(uint32_t slot, uint64_t ipa);

 private:
  void init_vcpu(Vcpu& vcpu, unsigned features);
  void add_interrupt_controller();

  Kvm kvm_;
  UniqueFd fd_;
  std::vector<std::unique_ptr<Vcpu>> vcpus_;
};

}  // namespace redoubt::suite
