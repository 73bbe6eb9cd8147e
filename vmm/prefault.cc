// SPDX-License-Identifier: Apache-2.0
#include "vmm/prefault.h"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <variant>

#include <fmt/format.h>

#include "vmm/base/setup_error.h"
#include "vmm/kvm/uapi.h"
#include "vmm/memory_shortage.h"

namespace redoubt {

namespace {

// Some milliseconds of a processor: whoever presses Ctrl-C does not notice.
constexpr uint64_t kPiece = uint64_t{16} << 20;

}  // namespace

Prefault::Prefault(const kvm::Vm& vm, kvm::Vcpu& first, Protection protection,
                   std::span<const MemorySlot> slots)
    : first_(first), protection_(protection) {
  if (vm.capability(KVM_CAP_PRE_FAULT_MEMORY) <= 0) {
    const bool is_protected = protection == Protection::Protected;
    throw SetupError(
        fmt::format("memory.prefault: this host's kernel cannot give {} guest its memory before "
                    "it runs (KVM_PRE_FAULT_MEMORY)",
                    is_protected ? "a protected" : "an unprotected"),
        ExitStatus::HostUnfit,
        is_protected ? "set memory.prefault: false, or boot a kernel with the series of "
                       "kernel-patches/"
                     : "set memory.prefault: false");
  }
  for (auto slot = slots.rbegin(); slot != slots.rend(); ++slot) {
    left_.push_back(slot->range);
    total_ += slot->range.size();
  }
}

bool Prefault::give_piece() {
  if (!entered_) enter();
  if (left_.empty()) return false;
  GuestRange& range = left_.back();
  const Result<uint64_t, kvm::RunFailure> given =
      first_.pre_fault(range.start().value(), std::min(range.size(), kPiece));
  if (!given) fail(given.error());
  given_ += *given;
  const GuestAddress next(range.start().value() + *given);
  const uint64_t rest = range.size() - *given;
  if (rest == 0) {
    left_.pop_back();
  } else {
    range = GuestRange(next, rest);
  }
  return !left_.empty();
}

void Prefault::enter() {
  const kvm::Exit exit = first_.enter_and_leave();
  if (const auto* failure = std::get_if<kvm::RunFailure>(&exit)) fail(*failure);
  entered_ = true;
}

void Prefault::fail(const kvm::RunFailure& failure) const {
  const std::string how_far = fmt::format(
      "memory.prefault: {} of {} MiB could be given to the guest", given_ >> 20, total_ >> 20);
  if (failure.error == ENOMEM) {
    throw SetupError(fmt::format("{}: {}", how_far, describe_locked_memory()),
                     ExitStatus::MemoryRefused,
                     "raise the limit on locked memory (ulimit -l), free memory of the host, or "
                     "give the guest less (memory.size)");
  }
  // Before the guest has run nothing can have been taken away from it: the memory itself is bad.
  const kvm::Explanation explanation = failure.error == EHWPOISON
                                           ? kvm::explain_hardware_error(failure.ipa)
                                           : kvm::explain(failure, protection_);
  throw SetupError(fmt::format("{}: {}: {}", how_far, explanation.name, explanation.meaning),
                   explanation.status, explanation.remedy);
}

}  // namespace redoubt
