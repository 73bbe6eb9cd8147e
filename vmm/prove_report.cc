// SPDX-License-Identifier: Apache-2.0
#include "vmm/prove_report.h"

#include <string_view>

#include <fmt/format.h>

namespace redoubt {

namespace {

std::string_view name_of(PageAccess access) {
  switch (access) {
    case PageAccess::Refused: return "refused";
    case PageAccess::Readable: return "readable";
    case PageAccess::NotPresent: return "not-present";
  }
  return "unknown";
}

uint64_t omitted_runs(const MemoryProof& proof) {
  uint64_t omitted = 0;
  for (const RegionProof& region : proof.regions) omitted += region.runs_omitted;
  return omitted;
}

std::string first_refused(const MemoryProof& proof) {
  for (const RegionProof& region : proof.regions) {
    if (region.first_refused) {
      return fmt::format("; reading {:#x}, for one, is answered with EFAULT",
                         region.first_refused->value());
    }
  }
  return {};
}

}  // namespace

std::vector<std::string> to_lines(const ProveReport& report) {
  const uint64_t total = report.proof.total();
  if (report.protection == Protection::Unprotected) {
    return {
        fmt::format("prove: the guest is not protected: the host may read all {} pages", total)};
  }
  const PageCount count = report.count();
  return {
      fmt::format("prove: {} of {} pages are donated to the guest", report.donated, total),
      fmt::format("prove: {} refused to the host{}", count.refused, first_refused(report.proof)),
      fmt::format("prove: {} readable because the guest shares them", count.shared),
      fmt::format("prove: {} readable because the guest has never touched them",
                  count.never_touched),
  };
}

std::string to_json(const ProveReport& report) {
  const bool is_protected = report.protection == Protection::Protected;
  const PageCount count = is_protected ? report.count() : PageCount{0, 0, 0};
  std::string json = fmt::format(
      "{{\n\"protected\": {},\n\"page_size\": {},\n\"pages_total\": {},\n\"pages_donated\": {},\n"
      "\"pages_refused\": {},\n\"pages_shared\": {},\n\"pages_never_touched\": {},\n"
      "\"ranges_omitted\": {},\n\"ranges\": [",
      is_protected, report.proof.page_size, report.proof.total(), report.donated, count.refused,
      count.shared, count.never_touched, omitted_runs(report.proof));
  const char* separator = "\n";
  for (const RegionProof& region : report.proof.regions) {
    for (const AccessRun& run : region.runs) {
      json += fmt::format("{}{{\"start\": \"{:#x}\", \"end\": \"{:#x}\", \"access\": \"{}\"}}",
                          separator, run.range.start().value(), run.range.end().value(),
                          name_of(run.access));
      separator = ",\n";
    }
  }
  return json + "\n]\n}\n";
}

}  // namespace redoubt
