// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/needs.h"

#include <ostream>

#include "tests/board/suite/support/backing.h"
#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/kvm_vm.h"

namespace redoubt::suite {

std::string why_no_kvm(bool is_protected) {
  try {
    const Kvm kvm;
    const UniqueFd vm = kvm.create_vm(is_protected ? KVM_VM_TYPE_ARM_PROTECTED : 0);
    if (!vm.valid()) {
      return is_protected ? "this host cannot create a protected VM"
                          : "this host cannot create a VM";
    }
    return {};
  } catch (const std::exception& error) {
    return error.what();
  }
}

std::ostream& operator<<(std::ostream& out, const HostMemory& memory) {
  return out << memory.pinned_pages << " pinned pages, " << memory.second_level_tables
             << " kB of second-level page tables";
}

HostMemory host_memory() { return {pinned_pages(), meminfo("SecPageTables").value_or(0)}; }

}  // namespace redoubt::suite
