// SPDX-License-Identifier: Apache-2.0
//
// Finding: one thing the doctor looked at.
#pragma once

#include <string>
#include <vector>

namespace redoubt::doctor {

enum class Verdict {
  Good,
  Note,  // nothing is broken, but it matters for protected guests
  Bad,   // guests will not start, or will be harmed
};

struct Finding {
  std::string id;  // stable, for scripts: "protected-mode"
  Verdict verdict;
  std::string title;     // "protected KVM"
  std::string evidence;  // what was seen
  std::string remedy;    // what to do; empty if nothing
};

using Findings = std::vector<Finding>;

}  // namespace redoubt::doctor
