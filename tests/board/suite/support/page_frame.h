// SPDX-License-Identifier: Apache-2.0
//
// Where in the host's memory a page of a process is. Root only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include <sys/types.h>

namespace redoubt::suite {

// The page frame number behind an address of a process, by /proc/PID/pagemap; nothing if no page is
// present there, or the host does not tell.
[[nodiscard]] std::optional<uint64_t> frame_of(pid_t pid, uintptr_t address);
// The same of this process.
[[nodiscard]] std::optional<uint64_t> frame_of(const std::byte* address);

}  // namespace redoubt::suite
