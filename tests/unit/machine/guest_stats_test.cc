// SPDX-License-Identifier: Apache-2.0
#include "vmm/guest_stats.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/unit/kvm/statistics_file.h"

namespace redoubt {
namespace {

using Lines = std::vector<std::string>;

kvm::Statistics statistics(const std::vector<kvm::Entry>& entries) {
  return kvm::read(kvm::StatisticsFile(entries).bytes()).value();
}

const std::vector<kvm::Entry> kVm = {{"remote_tlb_flush", 9},
                                     {"pkvm_donate_calls", 130},
                                     {"pkvm_donated_pages", 65536},
                                     {"pkvm_shared_pages", 12},
                                     {"pkvm_poisoned_pages", 1}};

TEST(GuestStats, counts_are_the_vms_and_the_faults_each_vcpus) {
  const std::vector<kvm::Statistics> vcpus = {
      statistics({{"pkvm_mem_faults", 66}, {"exits", 1000}}), statistics({{"pkvm_mem_faults", 4}})};

  EXPECT_EQ(donation_counts(statistics(kVm), vcpus), (DonationCounts{130, 65536, 12, 1, {66, 4}}));
}

TEST(GuestStats, kernel_that_lacks_any_of_the_names_does_not_count) {
  const std::vector<kvm::Statistics> vcpus = {statistics({{"pkvm_mem_faults", 66}})};
  for (size_t missing = 1; missing < kVm.size(); ++missing) {
    std::vector<kvm::Entry> some = kVm;
    some.erase(some.begin() + static_cast<std::ptrdiff_t>(missing));
    EXPECT_EQ(donation_counts(statistics(some), vcpus), std::nullopt) << kVm[missing].name;
  }
  EXPECT_EQ(donation_counts(statistics(kVm), std::vector{statistics({{"exits", 1000}})}),
            std::nullopt);
}

TEST(GuestStats, lines_tell_all_that_is_counted) {
  const GuestStats stats{Protection::Protected, 4096, 65536,
                         DonationCounts{130, 65536, 12, 1, {66, 4}}};

  EXPECT_EQ(to_lines(stats),
            (Lines{"stats: 65536 pages of 4096 bytes are donated to the guest, by 130 calls",
                   "stats: 12 of them are shared with the host by the guest",
                   "stats: 1 of them were taken away by the host",
                   "stats: 70 faults of the guest for memory; vCPU 0: 66, vCPU 1: 4"}));
}

TEST(GuestStats, faults_of_an_only_vcpu_are_those_of_the_guest) {
  const GuestStats stats{Protection::Protected, 4096, 1, DonationCounts{1, 1, 0, 0, {3}}};

  EXPECT_EQ(to_lines(stats).back(), "stats: 3 faults of the guest for memory");
}

TEST(GuestStats, kernel_that_does_not_count_is_told_and_locked_memory_counts_instead) {
  const GuestStats stats{Protection::Protected, 4096, 4700, std::nullopt};

  const Lines lines = to_lines(stats);

  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0],
            "stats: 4700 pages are donated to the guest, by this process's locked memory");
  EXPECT_NE(lines[1].find("does not count"), std::string::npos);
}

TEST(GuestStats, unprotected_guest_has_none) {
  const GuestStats stats{Protection::Unprotected, 4096, 0, DonationCounts{0, 0, 0, 0, {0}}};

  EXPECT_EQ(to_lines(stats),
            (Lines{"stats: the guest is not protected: no memory is donated to it"}));
}

TEST(GuestStats, json_has_every_number) {
  const GuestStats stats{Protection::Protected, 4096, 65536,
                         DonationCounts{130, 65536, 12, 1, {66, 4}}};

  const nlohmann::json expected = {{"protected", true},      {"page_size", 4096},
                                   {"pages_donated", 65536}, {"pages_shared", 12},
                                   {"pages_poisoned", 1},    {"donate_calls", 130},
                                   {"memory_faults", 70},    {"memory_faults_of_vcpus", {66, 4}}};
  EXPECT_EQ(nlohmann::json::parse(to_json(stats)), expected);
}

TEST(GuestStats, json_has_null_for_what_the_kernel_does_not_count) {
  const GuestStats stats{Protection::Protected, 4096, 4700, std::nullopt};

  const nlohmann::json expected = {
      {"protected", true},         {"page_size", 4096},
      {"pages_donated", 4700},     {"pages_shared", nullptr},
      {"pages_poisoned", nullptr}, {"donate_calls", nullptr},
      {"memory_faults", nullptr},  {"memory_faults_of_vcpus", nullptr}};
  EXPECT_EQ(nlohmann::json::parse(to_json(stats)), expected);
}

}  // namespace
}  // namespace redoubt
