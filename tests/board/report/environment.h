// SPDX-License-Identifier: Apache-2.0
//
// What the suites ran on: facts to show beside the results, and what the host lacks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/doctor/finding.h"

namespace redoubt::report {

struct Fact {
  std::string id;  // stable, for scripts: "kernel.release"
  std::string title;
  std::string value;
};

struct FactGroup {
  std::string title;
  std::vector<Fact> facts;
};

struct Environment {
  std::vector<FactGroup> groups;
  doctor::Findings lacks;  // what the doctor is not content with
  // /proc/sys/kernel/tainted, before the suites and after them; nullopt: not known.
  std::optional<uint64_t> taint_before;
  std::optional<uint64_t> taint_after;

  // The value of that fact; empty if there is none.
  [[nodiscard]] std::string value(std::string_view id) const;
};

// "64 (U: …)", "0 (not tainted)", "unknown".
[[nodiscard]] std::string taint_text(std::optional<uint64_t> taint);
// In which taint_after differs from taint_before, as a sentence.
[[nodiscard]] std::string taint_change(const Environment& environment);

[[nodiscard]] std::string to_json(const Environment& environment);
// Throws std::runtime_error for what to_json has not written.
[[nodiscard]] Environment environment_from_json(const std::string& text);

}  // namespace redoubt::report
