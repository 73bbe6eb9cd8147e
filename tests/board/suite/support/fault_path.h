// SPDX-License-Identifier: Apache-2.0
//
// FaultPath: which way the kernel's handler of the faults of protected guests went,
// pkvm_mem_abort() in arch/arm64/kvm/mmu.c. It tops up what EL2 makes page tables of, charges a
// page to the owner's limit, pins it, gives it to the guest; where that fails, it takes back what
// it has done.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/board/suite/support/probe.h"

namespace redoubt::suite {

// A request to give pages to a guest of this process.
struct Donation {
  uint64_t ipa;
  size_t pages;
  int returned;  // 0 or -errno

  bool operator==(const Donation&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Donation& donation);

// The function that makes them, and those among the calls that a probe has seen.
inline const std::string kDonate = "pkvm_pgtable_stage2_map";
[[nodiscard]] std::vector<Donation> donations_in(const Probe& probe);

class FaultPath {
 public:
  // Sees what comes after it, as Probe does. `more` are functions that are of interest as well.
  explicit FaultPath(const std::vector<std::string>& more = {});

  // The steps taken so far, each with what came of it: a number, 0 or the name of an errno. The
  // constants below are ways through it.
  [[nodiscard]] std::string steps() const;
  [[nodiscard]] std::vector<Donation> donations() const { return donations_in(probe_); }
  [[nodiscard]] const Probe& probe() const { return probe_; }
  void forget() const { probe_.forget(); }

 private:
  Probe probe_;
};

// All of it, for a page that is no part of anything larger.
inline const std::string kPageGiven = "top up 0, charge 1 0, pin 1, donate 1 0";
// What is not there, may not be accessed or may not be kept; `why` is the name of an errno.
[[nodiscard]] inline std::string pin_refused(const std::string& why) {
  return "top up 0, charge 1 0, pin " + why + ", uncharge 1";
}
// Memory that was pinned before it was found to be of the wrong kind.
inline const std::string kWrongKind = "top up 0, charge 1 0, pin 1, uncharge 1";
// The hypervisor or the list of what is the guest's already did not agree.
[[nodiscard]] inline std::string donation_refused(const std::string& why) {
  return "top up 0, charge 1 0, pin 1, donate 1 " + why + ", uncharge 1";
}

}  // namespace redoubt::suite
