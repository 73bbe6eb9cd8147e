// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include <sys/types.h>

namespace redoubt::suite {

// Where the guest's RAM lies in a redoubt process: the mapping that is kept out of both core dumps
// (dd) and children (dc). Start and size; zeros if there is none.
[[nodiscard]] std::pair<uintptr_t, size_t> guest_ram_of(pid_t pid);

}  // namespace redoubt::suite
