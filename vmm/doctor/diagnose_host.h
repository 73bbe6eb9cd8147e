// SPDX-License-Identifier: Apache-2.0
//
// diagnose_host: judges the facts of a host. Pure.
#pragma once

#include "vmm/doctor/finding.h"
#include "vmm/doctor/host_facts.h"

namespace redoubt::doctor {

[[nodiscard]] Findings diagnose_host(const HostFacts& facts);

}  // namespace redoubt::doctor
