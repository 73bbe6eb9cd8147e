// SPDX-License-Identifier: Apache-2.0
//
// Where the pages of a process are (/proc/PID/pagemap) and what the kernel holds them for
// (/proc/kpageflags). Throws Unavailable where that may not be known.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <sys/types.h>

namespace redoubt::suite {

struct PageState {
  bool present;
  bool swapped_out;
  uint64_t frame;  // its number, where it is present
};
// Of so many pages of a process from there on; or of the one at the address, here or there.
[[nodiscard]] std::vector<PageState> page_states(pid_t pid, uintptr_t address, size_t pages);
[[nodiscard]] std::vector<PageState> page_states(const std::byte* address, size_t pages);
[[nodiscard]] inline PageState page_state(pid_t pid, uintptr_t address) {
  return page_states(pid, address, 1).front();
}
[[nodiscard]] inline PageState page_state(const std::byte* address) {
  return page_states(address, 1).front();
}

// Flags of a page frame, named as in linux/kernel-page-flags.h: 1 << KPF_SWAPBACKED and the like.
[[nodiscard]] uint64_t page_flags(uint64_t frame);

// Has every CPU put the pages that it collects in batches where they belong. Until then the kernel
// neither swaps them out nor frees them lazily, for nobody else can take hold of them.
void empty_page_batches();

}  // namespace redoubt::suite
