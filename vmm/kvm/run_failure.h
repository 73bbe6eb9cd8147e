// SPDX-License-Identifier: Apache-2.0
//
// What a failed KVM_RUN means for a person. KVM answers with an errno and, on kernels that have
// it, KVM_EXIT_MEMORY_FAULT with the guest-physical address; the rest is known from what each
// errno can stand for on the fault-and-donate path. An errno that comes with an address has one
// meaning of its own; the kernel that sends it keeps them apart (kernel-patches/README.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "vmm/base/exit_status.h"
#include "vmm/base/protection.h"

namespace redoubt::kvm {

struct RunFailure {
  int error = 0;                // errno of KVM_RUN; 0 if it returned an exit we cannot handle
  uint32_t exit_reason = 0;     // KVM_EXIT_*
  uint64_t detail = 0;          // the exit's own reason code, if it has one
  std::optional<uint64_t> ipa;  // of the page that it was about, where the kernel tells
};

struct Explanation {
  ExitStatus status;
  std::string name;     // of the cause: "guest-memory-poisoned"
  std::string meaning;  // what happened
  std::string remedy;   // what to do
};

[[nodiscard]] Explanation explain(const RunFailure& failure, Protection protection);

// A page of guest memory has failed in hardware (SIGBUS with BUS_MCEERR_AR on the vCPU's thread).
[[nodiscard]] Explanation explain_hardware_error(std::optional<uint64_t> ipa);

}  // namespace redoubt::kvm
