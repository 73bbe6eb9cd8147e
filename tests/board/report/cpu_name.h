// SPDX-License-Identifier: Apache-2.0
//
// Names of processors by what /proc/cpuinfo says of them.
#pragma once

#include <string>
#include <string_view>

namespace redoubt::report {

// Of all processors of a host, with their number: "4 × Cortex-A76 r4p1, 4 × Cortex-A55 r2p0". A
// processor that has no name here is told by its numbers. Empty if `cpuinfo` tells nothing.
[[nodiscard]] std::string cpus_text(std::string_view cpuinfo);

}  // namespace redoubt::report
