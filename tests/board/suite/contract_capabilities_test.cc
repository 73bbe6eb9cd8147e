// SPDX-License-Identifier: Apache-2.0
//
// What KVM says it can do, and what it does. On the descriptor of a protected VM most capabilities
// of the architecture read 0 although the calls behind them work, so they are asked of /dev/kvm;
// there is no capability for protected VMs themselves, so one is made.
#include <cerrno>

#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "tests/board/suite/support/contract_guest.h"
#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/isolated.h"

namespace redoubt::suite {
namespace {

constexpr unsigned kCortexA72 = 0xd08;  // MIDR_EL1.PartNum

int create_vm_error(unsigned long type) {
  const UniqueFd vm = Kvm().create_vm(type);
  return vm.valid() ? 0 : errno;
}

int enable_cap_error(Vm& vm, uint32_t capability) {
  kvm_enable_cap request{};
  request.cap = capability;
  return ::ioctl(vm.fd().get(), KVM_ENABLE_CAP, &request) == 0 ? 0 : errno;
}

TEST(ContractCapabilities, protected_vm_can_be_made_where_the_command_line_asks_for_it) {
  const auto command_line = read_file("/proc/cmdline");
  if (!command_line || command_line->find("kvm-arm.mode=protected") == std::string::npos) {
    GTEST_SKIP() << "this host was not booted with kvm-arm.mode=protected";
  }
  EXPECT_EQ(create_vm_error(KVM_VM_TYPE_ARM_PROTECTED), 0);
}

CONTRACT_TEST(ContractCapabilities, unknown_bits_of_the_vm_type_are_einval) {
  for (unsigned bit = 8; bit < 63; ++bit) {
    if (bit == 31) continue;
    EXPECT_EQ(create_vm_error(1ul << bit), EINVAL) << "bit " << bit;
    EXPECT_EQ(create_vm_error(KVM_VM_TYPE_ARM_PROTECTED | 1ul << bit), EINVAL) << "bit " << bit;
  }
}

CONTRACT_TEST(ContractCapabilities, ipa_size_in_the_vm_type_is_not_looked_at) {
  require_protected_vms();
  for (const unsigned long bits : {1ul, 40ul, 255ul}) {
    EXPECT_EQ(create_vm_error(KVM_VM_TYPE_ARM_PROTECTED | bits), 0) << bits << " bits";
  }
}

CONTRACT_TEST(ContractCapabilities, arch_capabilities_read_zero_on_the_vm_and_one_on_dev_kvm) {
  const Kvm kvm;
  const Vm vm(Protection::Protected, 1);
  for (const int capability : {KVM_CAP_IOEVENTFD, KVM_CAP_ONE_REG, KVM_CAP_IMMEDIATE_EXIT}) {
    EXPECT_EQ(kvm.check_extension(capability), 1) << "capability " << capability;
    EXPECT_EQ(vm.check_extension(capability), 0) << "capability " << capability;
  }
}

CONTRACT_TEST(ContractCapabilities, unprotected_vm_shows_the_capabilities_of_dev_kvm) {
  const Vm vm(Protection::Unprotected, 1);
  for (const int capability :
       {KVM_CAP_IOEVENTFD, KVM_CAP_ONE_REG, KVM_CAP_IMMEDIATE_EXIT, KVM_CAP_IRQFD}) {
    EXPECT_EQ(vm.check_extension(capability), 1) << "capability " << capability;
  }
}

CONTRACT_TEST(ContractCapabilities, irqfd_and_vcpu_limits_show_on_the_vm) {
  const Kvm kvm;
  const Vm vm(Protection::Protected, 1);

  EXPECT_EQ(vm.check_extension(KVM_CAP_IRQFD), 1);
  EXPECT_EQ(vm.check_extension(KVM_CAP_MAX_VCPUS), 512);
  EXPECT_EQ(kvm.check_extension(KVM_CAP_MAX_VCPUS), 512);
}

CONTRACT_TEST(ContractCapabilities, ipa_size_shows_on_the_vm_and_is_that_of_the_cpu) {
  const Kvm kvm;
  const Vm vm(Protection::Protected, 1);
  const int bits = vm.check_extension(KVM_CAP_ARM_VM_IPA_SIZE);

  EXPECT_EQ(bits, kvm.check_extension(KVM_CAP_ARM_VM_IPA_SIZE));
  EXPECT_GE(bits, 40);
  if (cpu_part() == kCortexA72) {
    EXPECT_EQ(bits, 44);
  }
}

CONTRACT_TEST(ContractCapabilities, mte_is_nowhere) {
  const Kvm kvm;
  const Vm vm(Protection::Protected, 1);

  EXPECT_EQ(kvm.check_extension(KVM_CAP_ARM_MTE), 0);
  EXPECT_EQ(vm.check_extension(KVM_CAP_ARM_MTE), 0);
}

CONTRACT_TEST(ContractCapabilities, arch_capabilities_cannot_be_enabled) {
  Vm vm(Protection::Protected, 1);

  EXPECT_EQ(enable_cap_error(vm, KVM_CAP_ARM_NISV_TO_USER), EINVAL);
  EXPECT_EQ(enable_cap_error(vm, KVM_CAP_ARM_SYSTEM_SUSPEND), EINVAL);
  EXPECT_EQ(enable_cap_error(vm, KVM_CAP_ARM_MTE), EINVAL);
}

CONTRACT_TEST(ContractCapabilities, smccc_filter_is_refused) {
  Vm vm(Protection::Protected, 1);
  kvm_smccc_filter filter{};
  filter.base = 0x8400'0000;
  filter.nr_functions = 1;
  filter.action = KVM_SMCCC_FILTER_DENY;
  kvm_device_attr request{};
  request.group = KVM_ARM_VM_SMCCC_CTRL;
  request.attr = KVM_ARM_VM_SMCCC_FILTER;
  // SAFETY: KVM reads through the address during the call only, if at all.
  request.addr = reinterpret_cast<uintptr_t>(&filter);

  EXPECT_EQ(::ioctl(vm.fd().get(), KVM_SET_DEVICE_ATTR, &request), -1);
  EXPECT_EQ(errno, EINVAL);
}

CONTRACT_TEST(ContractCapabilities, immediate_exit_works_although_it_reads_zero) {
  Guest guest;
  ASSERT_EQ(guest.command(Command::BootState), answer(0));

  guest.vcpu().state().immediate_exit = 1;
  const Outcome stopped = guest.command(Command::BootState);
  EXPECT_EQ(stopped.error, EINTR) << stopped;
  EXPECT_FALSE(stopped.answered);

  guest.vcpu().state().immediate_exit = 0;
  EXPECT_EQ(guest.resume(), answer(0));
}

CONTRACT_TEST(ContractCapabilities, first_protected_vm_taints_the_kernel) {
  const Vm vm(Protection::Protected, 1);
  const auto tainted = read_file("/proc/sys/kernel/tainted");
  ASSERT_TRUE(tainted.has_value());

  EXPECT_NE(std::stoul(*tainted) & 64, 0u) << "TAINT_USER, of " << *tainted;
}

}  // namespace
}  // namespace redoubt::suite
