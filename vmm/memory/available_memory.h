// SPDX-License-Identifier: Apache-2.0
//
// Available memory: how much this process can use before the kernel has to kill something. Matters
// for protected guests in particular, since donated pages cannot be swapped out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

namespace redoubt {

// MemAvailable of the host, or what the limits of our control groups (version 2) leave, whichever
// is less. What cannot be read does not limit.
[[nodiscard]] uint64_t available_memory_bytes();

// The part of it that control groups decide: for `group` (a path from the root of the hierarchy,
// as in /proc/self/cgroup) and each of its ancestors, memory.max - memory.current, where file cache
// counts as free. Nothing if no group has a limit.
[[nodiscard]] std::optional<uint64_t> control_group_headroom(const std::filesystem::path& hierarchy,
                                                             std::string_view group);

}  // namespace redoubt
