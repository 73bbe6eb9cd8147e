// SPDX-License-Identifier: Apache-2.0
//
// The check of the host's limits before a protected guest starts. An unprotected guest needs none:
// its memory is mapped, and swapped, like that of any process.
#pragma once

#include <cstdint>

namespace redoubt {

// What a protected guest takes from its host, in bytes.
struct MemoryNeed {
  // Against RLIMIT_MEMLOCK: all guest memory, what is locked already, and a page for each vCPU,
  // because vCPUs that touch the same page at once are each charged before one of them wins.
  uint64_t locked;
  // Against available memory: all guest memory, and for each of its pages the kernel's record of
  // the donation (64 bytes, struct pkvm_mapping) and an entry in the stage-2 tables (8 bytes).
  uint64_t available;
};

// `guest_bytes` is RAM and DMA window together.
[[nodiscard]] MemoryNeed memory_need(uint64_t guest_bytes, uint32_t vcpus, uint64_t already_locked);

// Makes sure that a protected guest of this size can be given all its pages. Raises RLIMIT_MEMLOCK
// of this process as far as is needed and allowed (the soft limit, with CAP_SYS_RESOURCE the hard
// limit too). Throws SetupError with status MemoryRefused, the numbers and the remedy.
// Call once, before the first KVM_RUN.
void check_memory_limits(uint64_t guest_bytes, uint32_t vcpus);

}  // namespace redoubt
