// SPDX-License-Identifier: Apache-2.0
//
// run_guest: a guest's whole life, resets included. The console and the signals stay, the Machine
// is a new one after each reset.
#pragma once

#include <filesystem>
#include <optional>

#include "vmm/base/exit_status.h"
#include "vmm/config/vm_config.h"

namespace redoubt {

struct ProveOptions {
  bool at_end = false;                          // --prove
  std::optional<std::filesystem::path> report;  // --prove-report: JSON, rewritten at each proof
};

// Throws SetupError or std::system_error if the guest cannot be set up.
ExitStatus run_guest(const VmConfig& config, const ProveOptions& options);

}  // namespace redoubt
