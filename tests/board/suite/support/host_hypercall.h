// SPDX-License-Identifier: Apache-2.0
//
// HostHypercall: the hypercalls of a host that does not keep to the rules, made through the module
// of kernel-patches/hypercall. Throws Unavailable where that is not loaded, std::system_error
// when a request cannot be made at all.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "vmm/base/unique_fd.h"

namespace redoubt::suite {

class HostHypercall {
 public:
  // In the name of a vCPU of the VM, which must not be running. Both must outlive this.
  explicit HostHypercall(BorrowedFd vm, unsigned vcpu = 0);

  // What the hypervisor returned: 0 or a negative errno.
  [[nodiscard]] int64_t call(std::string_view name, std::initializer_list<uint64_t> arguments);
  // The same with the handle of the VM as the first argument.
  [[nodiscard]] int64_t call_about_vm(std::string_view name,
                                      std::initializer_list<uint64_t> arguments);

 private:
  [[nodiscard]] int64_t request(std::string_view name, std::string_view first,
                                std::initializer_list<uint64_t> arguments);

  UniqueFd device_;
  int vm_;
  unsigned vcpu_;
};

}  // namespace redoubt::suite
