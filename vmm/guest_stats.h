// SPDX-License-Identifier: Apache-2.0
//
// GuestStats: what a guest's memory has cost its host, for people (log lines) and for scripts
// (JSON). The kernel counts it if it has the series of kernel-patches/.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vmm/base/protection.h"
#include "vmm/kvm/statistics.h"

namespace redoubt {

struct DonationCounts {
  uint64_t donate_calls = 0;     // that EL2 was asked for
  uint64_t donated = 0;          // pages that the guest holds
  uint64_t shared = 0;           // those of them that it shares with the host
  uint64_t poisoned = 0;         // those of them that the host has taken away
  std::vector<uint64_t> faults;  // of each vCPU, for which the host had to give memory

  bool operator==(const DonationCounts&) const = default;
};

// Nothing if the kernel does not count all of it.
[[nodiscard]] std::optional<DonationCounts> donation_counts(const kvm::Statistics& vm,
                                                            std::span<const kvm::Statistics> vcpus);

struct GuestStats {
  Protection protection = Protection::Protected;
  uint64_t page_size = 0;
  uint64_t locked = 0;  // pages donated, as the locked memory of this process tells
  std::optional<DonationCounts> counts;
};

// One line each, without line ends.
[[nodiscard]] std::vector<std::string> to_lines(const GuestStats& stats);

// {"protected", "page_size", "pages_donated", "pages_shared", "pages_poisoned", "donate_calls",
//  "memory_faults", "memory_faults_of_vcpus": [of the first, …]}; all but the first three are null
// where the kernel does not count.
[[nodiscard]] std::string to_json(const GuestStats& stats);

}  // namespace redoubt
