// SPDX-License-Identifier: Apache-2.0
//
// KSM, the part of the kernel that looks for pages that are the same. Throws Unavailable where the
// host has none, or not for this user.
#pragma once

#include <cstddef>

namespace redoubt::suite {

// MADV_MERGEABLE.
void mark_mergeable(std::byte* data, size_t size);

// Lets KSM look at everything that is marked, so often that it has compared what it can, and leaves
// its settings as they were.
void let_ksm_scan();

}  // namespace redoubt::suite
