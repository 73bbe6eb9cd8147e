// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <exception>

#include <fcntl.h>

#include "vmm/doctor/host_facts.h"
#include "vmm/kvm/requests.h"

namespace redoubt::doctor {

namespace {

int error_of(const UniqueFd& fd) { return fd.valid() ? 0 : errno; }

int vgic_v3_error(BorrowedFd vm) {
  kvm_create_device device{};
  device.type = KVM_DEV_TYPE_ARM_VGIC_V3;
  device.flags = KVM_CREATE_DEVICE_TEST;
  return ::ioctl(vm.get(), KVM_CREATE_DEVICE, &device) == 0 ? 0 : errno;
}

}  // namespace

KvmFacts gather_kvm_facts() {
  using namespace kvm;
  KvmFacts facts;
  const UniqueFd kvm(::open("/dev/kvm", O_RDWR | O_CLOEXEC));
  facts.open_error = error_of(kvm);
  if (facts.open_error != 0) return facts;

  const UniqueFd unprotected(request::create_vm.attempt(kvm));
  facts.unprotected_vm_error = error_of(unprotected);
  const UniqueFd protected_vm(request::create_vm.attempt(kvm, KVM_VM_TYPE_ARM_PROTECTED));
  facts.protected_vm_error = error_of(protected_vm);
  const UniqueFd& vm = protected_vm.valid() ? protected_vm : unprotected;
  if (vm.valid()) facts.vgic_v3_error = vgic_v3_error(vm);
  facts.max_vcpus = request::check_extension.attempt(kvm, KVM_CAP_MAX_VCPUS);
  facts.max_ipa_bits = request::check_extension.attempt(kvm, KVM_CAP_ARM_VM_IPA_SIZE);
  return facts;
}

}  // namespace redoubt::doctor
