// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/needs.h"

#include <chrono>
#include <ostream>
#include <thread>

#include "tests/board/suite/support/backing.h"
#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/kvm_vm.h"
#include "tests/board/suite/support/redoubt_process.h"

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

HostMemory wait_for_host_memory(const HostMemory& expected) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (host_memory() != expected && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return host_memory();
}

}  // namespace redoubt::suite
