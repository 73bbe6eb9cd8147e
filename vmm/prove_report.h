// SPDX-License-Identifier: Apache-2.0
//
// ProveReport: what the host could and could not read of a guest's memory, for people (log lines)
// and for scripts (JSON).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vmm/base/protection.h"
#include "vmm/memory/prove.h"

namespace redoubt {

struct ProveReport {
  Protection protection = Protection::Protected;
  uint64_t donated = 0;  // pages; 0 for an unprotected guest
  MemoryProof proof{};

  [[nodiscard]] PageCount count() const { return count_pages(proof, donated); }
};

// One line each, without line ends.
[[nodiscard]] std::vector<std::string> to_lines(const ProveReport& report);

// {"protected", "page_size", "pages_total", "pages_donated", "pages_refused", "pages_shared",
//  "pages_never_touched", "ranges_omitted",
//  "ranges": [{"start": "0x…", "end": "0x…", "access": "refused|readable|not-present"}]},
// one range a line. `end` is exclusive. For an unprotected guest the three counts after the total
// are 0, and what is present is readable.
[[nodiscard]] std::string to_json(const ProveReport& report);

}  // namespace redoubt
