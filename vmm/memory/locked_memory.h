// SPDX-License-Identifier: Apache-2.0
//
// Locked memory: the host kernel accounts every page donated to a protected guest as locked,
// against RLIMIT_MEMLOCK, one at a time and at the first touch. VmLck therefore tells how much has
// been donated, and a limit below the guest's memory stops it in the middle of its boot.
//
// Any thread. Reads /proc; needs no privilege.
#pragma once

#include <cstdint>
#include <optional>

namespace redoubt {

// VmLck of this process; nothing if /proc cannot be read. As long as nothing is mlock()ed, which
// would count guest pages twice, this is the memory donated so far.
[[nodiscard]] std::optional<uint64_t> locked_memory_bytes();

struct LockedMemory {
  uint64_t locked;      // bytes
  uint64_t soft_limit;  // bytes, RLIM_INFINITY if there is none
  uint64_t hard_limit;
  // CAP_IPC_LOCK counts in the initial user namespace only (mm/util.c, account_locked_vm()).
  bool can_exceed;
};

// Throws std::system_error.
[[nodiscard]] LockedMemory locked_memory();

}  // namespace redoubt
