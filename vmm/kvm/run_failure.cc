// SPDX-License-Identifier: Apache-2.0
#include "vmm/kvm/run_failure.h"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "vmm/kvm/uapi.h"

namespace redoubt::kvm {

namespace {

std::string at_address(const std::optional<uint64_t>& ipa) {
  return ipa ? fmt::format(" at guest-physical address {:#x}", *ipa) : std::string();
}

std::string exit_name(uint32_t reason) {
  switch (reason) {
    case KVM_EXIT_FAIL_ENTRY: return "KVM_EXIT_FAIL_ENTRY";
    case KVM_EXIT_INTERNAL_ERROR: return "KVM_EXIT_INTERNAL_ERROR";
    case KVM_EXIT_SYSTEM_EVENT: return "KVM_EXIT_SYSTEM_EVENT";
    case KVM_EXIT_MEMORY_FAULT: return "KVM_EXIT_MEMORY_FAULT";
    default: return fmt::format("exit reason {}", reason);
  }
}

Explanation vcpu_failed(const RunFailure& failure) {
  const std::string how =
      failure.error != 0
          ? fmt::format("KVM_RUN failed with {} ({}){}", std::strerror(failure.error),
                        failure.error, at_address(failure.ipa))
          : fmt::format("KVM_RUN returned {}, code {:#x}", exit_name(failure.exit_reason),
                        failure.detail);
  if (failure.exit_reason == KVM_EXIT_FAIL_ENTRY) {
    return {ExitStatus::VcpuFailed, "vcpu-fail-entry",
            how + ": the guest left AArch64, or its state cannot be entered",
            "protected guests must stay in AArch64 at every exception level"};
  }
  return {ExitStatus::VcpuFailed, "vcpu-failed", how,
          "look at the kernel log of the host; redoubt doctor may tell what it lacks"};
}

Explanation memory_exhausted(const std::string& where) {
  return {ExitStatus::MemoryExhausted, "locked-memory-exhausted",
          "the kernel could not lock another page of guest memory" + where,
          "raise the limit of the running process (prlimit --memlock) or free host memory"};
}

Explanation poisoned(const std::string& page) {
  return {ExitStatus::GuestPoisoned, "guest-memory-poisoned", "the guest touched a page" + page,
          "something on the host read guest memory through the kernel: a debugger, "
          "process_vm_readv, /proc/PID/mem, KSM, a core dump; keep them off this process"};
}

// By a kernel that tells the page: KVM_EXIT_MEMORY_FAULT of a protected guest.
Explanation explain_memory_fault(const RunFailure& failure) {
  const std::string where = at_address(failure.ipa);
  switch (failure.error) {
    case ENOMEM: return memory_exhausted(where);
    case EHWPOISON: return poisoned(where + " that the host has taken back and zeroed");
    case EFAULT:
      return {ExitStatus::PageNotDonatable, "page-not-donatable",
              "the page of the guest" + where +
                  " cannot be given to it: no writable anonymous memory or memfd is behind it, or "
                  "it belongs to somebody else already",
              "something has changed the mappings of this process while the guest ran: a debugger, "
              "or a fault of redoubt itself; report it"};
    default: return vcpu_failed(failure);
  }
}

}  // namespace

Explanation explain(const RunFailure& failure, Protection protection) {
  if (protection == Protection::Unprotected && failure.error != ENOMEM) {
    return vcpu_failed(failure);
  }
  if (failure.ipa) return explain_memory_fault(failure);
  switch (failure.error) {
    case ENOMEM: return memory_exhausted("");
    case EFAULT: return poisoned(" that the host has taken back and zeroed, or cannot provide");
    case EHWPOISON: return explain_hardware_error(std::nullopt);
    case EIO:
      return {ExitStatus::BadBacking, "memory-not-swap-backed",
              "the memory behind a page of the guest is not swap-backed",
              "only anonymous memory and memfd can be donated; is the VM's process itself gone?"};
    case EPERM:
      return {ExitStatus::PageNotDonatable, "page-not-donatable",
              "EL2 refused a page of the guest: it belongs to somebody else already",
              "look for a warning of pkvm.c in the kernel log of the host and report it"};
    default: return vcpu_failed(failure);
  }
}

Explanation explain_hardware_error(std::optional<uint64_t> ipa) {
  return {ExitStatus::HardwareError, "hardware-memory-error",
          "a page of guest memory" + at_address(ipa) + " has an uncorrectable hardware error",
          "the page's content is lost: start the guest again; the kernel log names the memory"};
}

}  // namespace redoubt::kvm
