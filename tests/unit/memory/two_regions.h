// SPDX-License-Identifier: Apache-2.0
//
// The memory of a small protected guest: RAM with a DMA window right above it.
#pragma once

#include <cstdint>
#include <vector>

#include "vmm/memory/guest_memory.h"

namespace redoubt {

constexpr uint64_t kRamPages = 8;
constexpr uint64_t kWindowPages = 4;
constexpr GuestAddress kRam{0x40000000};

inline uint64_t page() { return host_page_size(); }

inline GuestAddress at(GuestAddress base, uint64_t offset) {
  return GuestAddress(base.value() + offset);
}

inline GuestAddress window_start() { return at(kRam, kRamPages * page()); }

inline std::vector<MemoryRegion> two_regions() {
  return {{GuestRange(window_start(), kWindowPages * page()), DmaWindow{}},
          {GuestRange(kRam, kRamPages * page()), PrivateRam{}}};
}

}  // namespace redoubt
