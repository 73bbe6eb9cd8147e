// SPDX-License-Identifier: Apache-2.0
//
// A system call made in another process, through ptrace: for what no user of that process could
// bring about, such as other memory where its guest's was.
#pragma once

#include <array>
#include <cstdint>

#include <sys/types.h>

namespace redoubt::suite {

// Stops the process's first thread, makes it call, and lets it go on; its own system call is
// interrupted with EINTR. Returns what the call returned, -errno included. Throws
// std::system_error where ptrace refuses.
[[nodiscard]] int64_t call_in(pid_t pid, long number, const std::array<uint64_t, 6>& arguments);

}  // namespace redoubt::suite
