// SPDX-License-Identifier: Apache-2.0
//
// diagnose_guest: whether one guest's configuration fits its payloads, its devices and this host.
// Opens the kernel and initrd and looks inside; starts nothing.
#pragma once

#include "vmm/config/vm_config.h"
#include "vmm/doctor/finding.h"
#include "vmm/doctor/host_facts.h"

namespace redoubt::doctor {

[[nodiscard]] Findings diagnose_guest(const VmConfig& config, const HostFacts& host);

}  // namespace redoubt::doctor
