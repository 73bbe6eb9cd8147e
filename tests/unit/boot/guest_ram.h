// SPDX-License-Identifier: Apache-2.0
//
// RAM of a guest, where all guests have theirs.
#pragma once

#include <cstdint>

#include "vmm/memory/guest_address.h"

namespace redoubt::boot {

inline GuestRange ram(uint64_t size) { return {GuestAddress(0x4000'0000), size}; }

}  // namespace redoubt::boot
