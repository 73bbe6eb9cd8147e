// SPDX-License-Identifier: Apache-2.0
//
// Whether this host has what the virtio devices of one guest need. Opens images and looks for locks
// on them; makes and changes nothing. Identifiers of findings are paths of the configuration,
// "disks[1]".
#pragma once

#include "vmm/config/vm_config.h"
#include "vmm/doctor/finding.h"
#include "vmm/doctor/host_facts.h"

namespace redoubt::doctor {

[[nodiscard]] Findings diagnose_disks(const VmConfig& config, const HostFacts& host);
[[nodiscard]] Findings diagnose_networks(const VmConfig& config, const HostFacts& host);
// Ports, vsock and shares: sockets, files and folders.
[[nodiscard]] Findings diagnose_endpoints(const VmConfig& config, const HostFacts& host);
// The DMA window, and what each device needs of it; nothing for a guest without one.
[[nodiscard]] Findings diagnose_window(const VmConfig& config);

}  // namespace redoubt::doctor
