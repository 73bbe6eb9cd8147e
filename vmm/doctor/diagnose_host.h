// SPDX-License-Identifier: Apache-2.0
//
// diagnose_host: judges the facts of a host. Pure.
#pragma once

#include "vmm/doctor/finding.h"
#include "vmm/doctor/host_facts.h"

namespace redoubt::doctor {

[[nodiscard]] Findings diagnose_host(const HostFacts& facts);

// Whether this process may use io_uring: a note where not, because only disks need it.
[[nodiscard]] Finding io_uring(const HostFacts& facts);

}  // namespace redoubt::doctor
