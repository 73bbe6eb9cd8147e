// SPDX-License-Identifier: Apache-2.0
#include "vmm/guest_stats.h"

#include <numeric>

#include <fmt/format.h>

namespace redoubt {

namespace {

uint64_t sum(const std::vector<uint64_t>& numbers) {
  return std::accumulate(numbers.begin(), numbers.end(), uint64_t{0});
}

std::string faults_line(const std::vector<uint64_t>& faults) {
  std::string line = fmt::format("stats: {} faults of the guest for memory", sum(faults));
  if (faults.size() == 1) return line;
  for (size_t index = 0; index < faults.size(); ++index) {
    line += fmt::format("{} vCPU {}: {}", index == 0 ? ";" : ",", index, faults[index]);
  }
  return line;
}

}  // namespace

std::optional<DonationCounts> donation_counts(const kvm::Statistics& vm,
                                              std::span<const kvm::Statistics> vcpus) {
  const auto calls = vm.value("pkvm_donate_calls");
  const auto donated = vm.value("pkvm_donated_pages");
  const auto shared = vm.value("pkvm_shared_pages");
  const auto poisoned = vm.value("pkvm_poisoned_pages");
  if (!calls || !donated || !shared || !poisoned) return std::nullopt;
  DonationCounts counts{*calls, *donated, *shared, *poisoned, {}};
  for (const kvm::Statistics& vcpu : vcpus) {
    const auto faults = vcpu.value("pkvm_mem_faults");
    if (!faults) return std::nullopt;
    counts.faults.push_back(*faults);
  }
  return counts;
}

std::vector<std::string> to_lines(const GuestStats& stats) {
  if (stats.protection == Protection::Unprotected) {
    return {"stats: the guest is not protected: no memory is donated to it"};
  }
  if (!stats.counts) {
    return {
        fmt::format("stats: {} pages are donated to the guest, by this process's locked memory",
                    stats.locked),
        "stats: this host's kernel does not count donations, shared pages, pages taken away and "
        "faults",
    };
  }
  const DonationCounts& counts = *stats.counts;
  return {
      fmt::format("stats: {} pages of {} bytes are donated to the guest, by {} calls",
                  counts.donated, stats.page_size, counts.donate_calls),
      fmt::format("stats: {} of them are shared with the host by the guest", counts.shared),
      fmt::format("stats: {} of them were taken away by the host", counts.poisoned),
      faults_line(counts.faults),
  };
}

std::string to_json(const GuestStats& stats) {
  std::string json =
      fmt::format("{{\n\"protected\": {},\n\"page_size\": {},\n\"pages_donated\": {},\n",
                  stats.protection == Protection::Protected, stats.page_size,
                  stats.counts ? stats.counts->donated : stats.locked);
  if (!stats.counts) {
    return json +
           "\"pages_shared\": null,\n\"pages_poisoned\": null,\n\"donate_calls\": null,\n"
           "\"memory_faults\": null,\n\"memory_faults_of_vcpus\": null\n}\n";
  }
  const DonationCounts& counts = *stats.counts;
  json += fmt::format(
      "\"pages_shared\": {},\n\"pages_poisoned\": {},\n\"donate_calls\": {},\n"
      "\"memory_faults\": {},\n\"memory_faults_of_vcpus\": [",
      counts.shared, counts.poisoned, counts.donate_calls, sum(counts.faults));
  const char* separator = "";
  for (const uint64_t faults : counts.faults) {
    json += fmt::format("{}{}", separator, faults);
    separator = ", ";
  }
  return json + "]\n}\n";
}

}  // namespace redoubt
