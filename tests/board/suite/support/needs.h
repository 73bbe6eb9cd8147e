// SPDX-License-Identifier: Apache-2.0
//
// What a test needs of the host it runs on; a host that lacks it skips the test and says why. And
// what a guest may not leave behind on that host.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>

#include <gtest/gtest.h>

namespace redoubt::suite {

// Empty if this host can run guests of that kind, or the reason why not.
[[nodiscard]] std::string why_no_kvm(bool is_protected);

// Memory that the host's kernel holds for guests.
struct HostMemory {
  int64_t pinned_pages;
  uint64_t second_level_tables;  // SecPageTables, in kB

  bool operator==(const HostMemory&) const = default;
};
std::ostream& operator<<(std::ostream& out, const HostMemory& memory);
[[nodiscard]] HostMemory host_memory();
// Waits until it is as expected, and returns how it is then, or after a patience that is enough:
// the kernel gives back the buffers of an io_uring a moment after the end of its process.
[[nodiscard]] HostMemory wait_for_host_memory(const HostMemory& expected);

}  // namespace redoubt::suite

#define REDOUBT_NEEDS_KVM(is_protected)                                 \
  do {                                                                  \
    const std::string why = ::redoubt::suite::why_no_kvm(is_protected); \
    if (!why.empty()) GTEST_SKIP() << why;                              \
  } while (false)
