// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <sys/types.h>

namespace redoubt::suite {

// Where the guest's RAM lies in a redoubt process: the mapping that is kept out of both core dumps
// (dd) and children (dc).
struct GuestRam {
  uintptr_t start = 0;
  size_t size = 0;    // 0 if there is none
  std::string flags;  // VmFlags of /proc/PID/smaps: two letters each, a space between
};
[[nodiscard]] GuestRam guest_ram_of(pid_t pid);

}  // namespace redoubt::suite
