// SPDX-License-Identifier: Apache-2.0
//
// What the host says about itself and about this process, and the two things about a process that
// the contract turns on: its limit on locked memory and the capability to ignore it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace redoubt::suite {

// The whole of a small file, or nothing if it cannot be read.
[[nodiscard]] std::optional<std::string> read_file(const std::string& path);
// False if the host does not take the text.
bool write_file(const std::string& path, std::string_view text);

// A figure of /proc/meminfo by its name, without unit: kilobytes or a count.
[[nodiscard]] std::optional<uint64_t> meminfo(std::string_view name);
// Memory of the host that nobody uses, in bytes: what is free, with the pages that each CPU keeps
// at hand, and what the kernel would give up, such as the pages of files. Not MemAvailable, which
// leaves out the pages at hand, some MiB, and changes with what the kernel holds in reserve.
[[nodiscard]] uint64_t unused_bytes();
// A figure of /proc/PID/status in bytes, such as VmRSS; 0 if the process is gone. VmLck is the
// pages that its guests hold, and what it has mlocked.
[[nodiscard]] uint64_t process_bytes(pid_t pid, std::string_view name);
// VmLck of this process.
[[nodiscard]] uint64_t locked_bytes();
// A figure of /proc/vmstat by its name; nothing if the kernel does not keep it.
[[nodiscard]] std::optional<uint64_t> vmstat(std::string_view name);
// Pages pinned on the whole host: nr_foll_pin_acquired - nr_foll_pin_released of /proc/vmstat.
[[nodiscard]] int64_t pinned_pages();
// AnonHugePages of the mapping that starts at `address`, in bytes.
[[nodiscard]] uint64_t anonymous_huge_bytes(const void* address);
// The part number of CPU 0 (MIDR_EL1 bits 15:4), which tells an emulated Cortex-A72 from others.
[[nodiscard]] std::optional<unsigned> cpu_part();
// Whether the host's kernel is older than Linux MAJOR.MINOR.
[[nodiscard]] bool kernel_is_before(unsigned major, unsigned minor);

// Sets the soft limit of RLIMIT_MEMLOCK; throws std::system_error.
void limit_locked_memory(uint64_t bytes);
// Takes CAP_IPC_LOCK away from the calling thread, so that the limit counts for root too; throws.
void drop_ipc_lock();
[[nodiscard]] bool has_ipc_lock();

// The kernel log as it stands, records split by line feeds; empty if it may not be read.
[[nodiscard]] std::string kernel_log();

}  // namespace redoubt::suite
