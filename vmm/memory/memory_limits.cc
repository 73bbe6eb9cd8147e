// SPDX-License-Identifier: Apache-2.0
#include "vmm/memory/memory_limits.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>
#include <sys/resource.h>

#include "vmm/base/setup_error.h"
#include "vmm/memory/available_memory.h"
#include "vmm/memory/locked_memory.h"
#include "vmm/memory/memory_object.h"

namespace redoubt {

namespace {

constexpr uint64_t kBytesPerDonation = 64 + 8;

std::string amount(uint64_t bytes) {
  if (bytes == RLIM_INFINITY) return "unlimited";
  return fmt::format("{:.1f} MiB ({} bytes)", static_cast<double>(bytes) / (1 << 20), bytes);
}

void check_available(uint64_t need, uint64_t guest_bytes) {
  const uint64_t available = available_memory_bytes();
  if (need <= available) return;
  throw SetupError(
      fmt::format("a protected guest of {} needs {} of memory that cannot be swapped out, and only "
                  "{} is available",
                  amount(guest_bytes), amount(need), amount(available)),
      ExitStatus::MemoryRefused,
      "give the guest less memory (memory.size), or free some on the host; in a control group, "
      "raise its memory.max (systemd: MemoryMax=)");
}

void check_locked(uint64_t need, uint64_t guest_bytes) {
  const LockedMemory state = locked_memory();
  if (state.can_exceed || need <= state.soft_limit) return;
  // The kernel decides whether we may: above the hard limit it wants CAP_SYS_RESOURCE.
  const rlimit raised = {.rlim_cur = need, .rlim_max = std::max<rlim_t>(need, state.hard_limit)};
  if (::setrlimit(RLIMIT_MEMLOCK, &raised) == 0) return;
  const uint64_t need_kib = (need + 1023) / 1024;
  throw SetupError(
      fmt::format(
          "a protected guest of {} needs a locked-memory limit of {}; the soft limit is {}, "
          "the hard limit {}, and {} is locked already",
          amount(guest_bytes), amount(need), amount(state.soft_limit), amount(state.hard_limit),
          amount(state.locked)),
      ExitStatus::MemoryRefused,
      fmt::format("raise the limit to {0} KiB or more: `ulimit -l {0}` as root in the shell that "
                  "starts redoubt; LimitMEMLOCK={0}K in a systemd unit; for a user, the lines "
                  "`USER soft memlock {0}` and `USER hard memlock {0}` in "
                  "/etc/security/limits.conf and a new login; or lift it for this program with "
                  "`setcap cap_ipc_lock+ep` on it",
                  need_kib));
}

}  // namespace

MemoryNeed memory_need(uint64_t guest_bytes, uint32_t vcpus, uint64_t already_locked) {
  const uint64_t page_size = host_page_size();
  return {
      .locked = guest_bytes + already_locked + vcpus * page_size,
      .available = guest_bytes + guest_bytes / page_size * kBytesPerDonation,
  };
}

void check_memory_limits(uint64_t guest_bytes, uint32_t vcpus) {
  const MemoryNeed need = memory_need(guest_bytes, vcpus, locked_memory_bytes().value_or(0));
  check_available(need.available, guest_bytes);
  check_locked(need.locked, guest_bytes);
}

}  // namespace redoubt
