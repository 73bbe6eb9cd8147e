// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>

#include "tests/board/report/host_reading.h"
#include "vmm/kvm/requests.h"

namespace redoubt::report {

void ask_kvm(HostReading& reading) {
  using namespace kvm;
  reading.facts.kvm = doctor::gather_kvm_facts();
  const UniqueFd kvm(::open("/dev/kvm", O_RDWR | O_CLOEXEC));
  if (!kvm.valid()) return;
  const UniqueFd vm(request::create_vm.attempt(kvm, KVM_VM_TYPE_ARM_PROTECTED));
  if (!vm.valid()) return;
  reading.prefaults = request::check_extension.attempt(vm, KVM_CAP_PRE_FAULT_MEMORY) > 0;
}

}  // namespace redoubt::report
