// SPDX-License-Identifier: Apache-2.0
#include "vmm/memory/prove.h"

#include <array>

#include <gtest/gtest.h>
#include <sys/mman.h>

#include "vmm/memory/guest_memory.h"
#include "vmm/memory/memory_object.h"

namespace redoubt {
namespace {

constexpr GuestAddress kRam{0x40000000};

uint64_t page() { return host_page_size(); }

GuestAddress ram_page(uint64_t index) { return GuestAddress(kRam.value() + index * page()); }

std::vector<MemoryRegion> ram(uint64_t pages) {
  return {{GuestRange(kRam, pages * page()), PrivateRam{HugepageAdvice::Never}}};
}

void touch(GuestMemory& memory, uint64_t first, uint64_t count) {
  for (uint64_t i = first; i < first + count; ++i) {
    ASSERT_TRUE(memory.write_object(ram_page(i), uint8_t{1}));
  }
}

// A page without access rights stands in for a donated one: both make the kernel's copy fail.
void refuse(const GuestMemory& memory, uint64_t first, uint64_t count) {
  // SAFETY: changes the protection of pages of this test's own guest.
  void* const host = reinterpret_cast<void*>(memory.slots()[0].host_address + first * page());
  ASSERT_EQ(::mprotect(host, count * page(), PROT_NONE), 0);
}

TEST(Prove, untouched_memory_is_not_present_and_stays_so) {
  const GuestMemory memory(ram(16));
  const MemoryProof first = prove(memory).value();
  const MemoryProof second = prove(memory).value();
  EXPECT_EQ(first.regions.at(0).not_present, 16u);
  EXPECT_EQ(second.regions.at(0).not_present, 16u);
  EXPECT_EQ(second.regions[0].first_not_present, kRam);
  EXPECT_FALSE(second.regions[0].first_refused);
  EXPECT_FALSE(second.regions[0].first_readable);
}

TEST(Prove, pages_are_counted_by_kind) {
  GuestMemory memory(ram(16));
  touch(memory, 2, 7);
  refuse(memory, 4, 3);
  const MemoryProof proof = prove(memory).value();
  const RegionProof& region = proof.regions.at(0);
  EXPECT_EQ(region.refused, 3u);
  EXPECT_EQ(region.readable, 4u);
  EXPECT_EQ(region.not_present, 9u);
  EXPECT_EQ(region.first_refused, ram_page(4));
  EXPECT_EQ(region.first_readable, ram_page(2));
  EXPECT_EQ(region.first_not_present, kRam);
  EXPECT_EQ(proof.page_size, page());
  EXPECT_EQ(proof.refused(), 3u);
  EXPECT_EQ(proof.total(), 16u);
}

TEST(Prove, neighbours_of_one_kind_are_one_run) {
  GuestMemory memory(ram(16));
  touch(memory, 2, 7);
  refuse(memory, 4, 3);
  const MemoryProof proof = prove(memory).value();
  const std::vector<AccessRun>& runs = proof.regions.at(0).runs;
  ASSERT_EQ(runs.size(), 5u);
  EXPECT_EQ(runs[0].range, GuestRange(ram_page(0), 2 * page()));
  EXPECT_EQ(runs[0].access, PageAccess::NotPresent);
  EXPECT_EQ(runs[1].range, GuestRange(ram_page(2), 2 * page()));
  EXPECT_EQ(runs[1].access, PageAccess::Readable);
  EXPECT_EQ(runs[2].range, GuestRange(ram_page(4), 3 * page()));
  EXPECT_EQ(runs[2].access, PageAccess::Refused);
  EXPECT_EQ(runs[3].range, GuestRange(ram_page(7), 2 * page()));
  EXPECT_EQ(runs[3].access, PageAccess::Readable);
  EXPECT_EQ(runs[4].range, GuestRange(ram_page(9), 7 * page()));
  EXPECT_EQ(runs[4].access, PageAccess::NotPresent);
  EXPECT_EQ(proof.regions[0].runs_omitted, 0u);
}

TEST(Prove, proof_changes_no_page) {
  GuestMemory memory(ram(4));
  touch(memory, 0, 2);
  ASSERT_TRUE(prove(memory));
  EXPECT_EQ(memory.read_object<uint8_t>(ram_page(0)).value(), 1);
  EXPECT_EQ(memory.read_object<uint8_t>(ram_page(1)).value(), 1);
}

TEST(Prove, every_region_is_proved) {
  const MemoryRegion regions[] = {{GuestRange(kRam, 4 * page()), PrivateRam{HugepageAdvice::Never}},
                                  {GuestRange(ram_page(4), 2 * page()), DmaWindow{}}};
  GuestMemory memory(regions);
  touch(memory, 3, 2);
  const MemoryProof proof = prove(memory).value();
  ASSERT_EQ(proof.regions.size(), 2u);
  EXPECT_EQ(proof.regions[0].readable, 1u);
  EXPECT_EQ(proof.regions[1].readable, 1u);
  EXPECT_EQ(proof.regions[1].first_readable, ram_page(4));
  EXPECT_EQ(proof.total(), 6u);
}

TEST(Prove, guest_cannot_make_the_list_of_runs_long) {
  const uint64_t pages = 2 * RegionProof::kMaxRuns + 6;
  GuestMemory memory(ram(pages));
  for (uint64_t i = 0; i < pages; i += 2) touch(memory, i, 1);
  const MemoryProof proof = prove(memory).value();
  const RegionProof& region = proof.regions.at(0);
  EXPECT_EQ(region.runs.size(), RegionProof::kMaxRuns);
  EXPECT_EQ(region.runs_omitted, pages - RegionProof::kMaxRuns);
  EXPECT_EQ(region.readable, pages / 2);
  EXPECT_EQ(region.not_present, pages / 2);
}

MemoryProof proof_of(uint64_t refused, uint64_t readable, uint64_t not_present) {
  RegionProof region{.range = GuestRange(kRam, (refused + readable + not_present) * 4096)};
  region.refused = refused;
  region.readable = readable;
  region.not_present = not_present;
  return {.page_size = 4096, .regions = {region}};
}

TEST(CountPages, donated_pages_tell_shared_from_never_touched) {
  const PageCount count = count_pages(proof_of(50, 30, 20), 60);
  EXPECT_EQ(count.refused, 50u);
  EXPECT_EQ(count.shared, 10u);
  EXPECT_EQ(count.never_touched, 40u);
}

TEST(CountPages, fewer_donated_than_refused_means_the_guest_ran_on) {
  const PageCount count = count_pages(proof_of(50, 30, 20), 45);
  EXPECT_EQ(count.refused, 50u);
  EXPECT_EQ(count.shared, 0u);
  EXPECT_EQ(count.never_touched, 50u);
}

TEST(CountPages, more_donated_than_there_are_is_all) {
  const PageCount count = count_pages(proof_of(50, 30, 20), 1'000);
  EXPECT_EQ(count.refused, 50u);
  EXPECT_EQ(count.shared, 50u);
  EXPECT_EQ(count.never_touched, 0u);
}

}  // namespace
}  // namespace redoubt
