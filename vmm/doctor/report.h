// SPDX-License-Identifier: Apache-2.0
//
// The doctor's findings, for people and for scripts.
#pragma once

#include <string>

#include "vmm/config/config_error.h"
#include "vmm/doctor/finding.h"

namespace redoubt::doctor {

[[nodiscard]] bool any_bad(const Findings& findings);

// A line for each finding with ✓, ! or ✗, its evidence, and its remedy on a line of its own.
[[nodiscard]] std::string to_text(const Findings& findings, config::Colors colors);

// {"ok": bool, "findings": [{"id", "verdict": "good|note|bad", "title", "evidence", "remedy"}]}
[[nodiscard]] std::string to_json(const Findings& findings);

}  // namespace redoubt::doctor
