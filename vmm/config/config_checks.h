// SPDX-License-Identifier: Apache-2.0
//
// What a VmConfig must be beyond each value by itself. Each check reports to the draft that the
// configuration was assembled from, and leaves alone what has been refused there already.
#pragma once

#include "vmm/config/config_draft.h"
#include "vmm/config/vm_config.h"

namespace redoubt::config {

// Which keys go with the type of a section: ConfigKey::needed_by, refused_by and alternative.
void check_types(ConfigDraft& draft, const VmConfig& config);
// Keys of a network that exclude each other.
void check_networks(ConfigDraft& draft, const VmConfig& config);
// The length of socket paths.
void check_sockets(ConfigDraft& draft, const VmConfig& config);
// Names and files that only one may have: two networks of one name, two writers of one image.
void check_unique(ConfigDraft& draft, const VmConfig& config);
// At most kMostVirtioDevices, and as many ports as their console has.
void check_device_count(ConfigDraft& draft, const VmConfig& config);
// That the DMA window is large enough for the devices, and fits into the memory map.
void check_window(ConfigDraft& draft, const VmConfig& config);
// That the files which the configuration names are there.
void check_files(ConfigDraft& draft, const VmConfig& config);

}  // namespace redoubt::config
