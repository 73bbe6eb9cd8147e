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

// --prove and --prove-report, --stats and --stats-report.
struct ReportOptions {
  bool at_end = false;                          // of each life
  std::optional<std::filesystem::path> report;  // JSON, rewritten each time
};

// Throws SetupError or std::system_error if the guest cannot be set up.
ExitStatus run_guest(const VmConfig& config, const ReportOptions& proof,
                     const ReportOptions& stats = {});

}  // namespace redoubt
