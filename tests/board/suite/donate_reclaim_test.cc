// SPDX-License-Identifier: Apache-2.0
//
// What the host has when a protected guest is gone: all of the memory, zeroed unless it was shared,
// and mapped by blocks as before.
#include <cstring>
#include <map>
#include <vector>

#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/board/suite/support/donation.h"
#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/isolated.h"
#include "tests/board/suite/support/page_map.h"
#include "tests/board/suite/support/trace.h"

namespace redoubt::suite {
namespace {

constexpr size_t kHugePagePages = 512;
constexpr size_t kFolioPages = 16;  // of 64 KiB

uint64_t word_of(const FolioMemory& memory, size_t page_index) {
  uint64_t word;
  std::memcpy(&word, memory.page(page_index), sizeof word);
  return word;
}

// Gives all of the memory to a guest that then shares the page `shared`, and ends it.
void lend(const FolioMemory& memory, size_t shared) {
  memory.number_pages();
  Guest guest;
  back_window(guest, memory);
  ASSERT_EQ(guest.touch(Guest::kWindow, memory.size() / page_size()), answer(0));
  ASSERT_EQ(guest.share(Guest::window_page(shared)), answer(0));
}

void expect_zeroed_but(const FolioMemory& memory, size_t shared) {
  for (size_t index = 0; index < memory.size() / page_size(); ++index) {
    ASSERT_EQ(word_of(memory, index), index == shared ? FolioMemory::number_of(index) : 0);
  }
}

CONTRACT_TEST(DonateReclaim, huge_pages_come_back_zeroed_but_for_what_was_shared) {
  const int64_t pinned = pinned_pages();
  const FolioMemory window = FolioMemory::huge_pages(2 * kHugePage);

  lend(window, 700);

  expect_zeroed_but(window, 700);
  EXPECT_EQ(locked_bytes(), 0u);
  EXPECT_EQ(pinned_pages(), pinned);
}

CONTRACT_TEST(DonateReclaim, small_pages_come_back_in_the_same_way) {
  const int64_t pinned = pinned_pages();
  const FolioMemory window = FolioMemory::small_pages(64 * page_size());

  lend(window, 5);

  expect_zeroed_but(window, 5);
  EXPECT_EQ(locked_bytes(), 0u);
  EXPECT_EQ(pinned_pages(), pinned);
}

CONTRACT_TEST(DonateReclaim, folio_comes_back_by_one_call) {
  const FolioMemory window = FolioMemory::huge_pages(2 * kHugePage);
  const Trace trace("kvm", "kvm_pkvm_reclaim");

  lend(window, 3);

  // Besides the folios, the pages of the guest's own program.
  EXPECT_EQ(trace.count(), 2 + Guest::image_pages()) << trace.lines();
  EXPECT_NE(trace.lines().find(" ipa 0x48200000 "), std::string::npos) << trace.lines();
  EXPECT_NE(trace.lines().find(" nr_pages 512 ret 0"), std::string::npos) << trace.lines();
}

// The host has had these pages back since; they may be anybody's and must not be touched again.
CONTRACT_TEST(DonateReclaim, pages_that_were_taken_away_before_are_left_alone) {
  const FolioMemory window = FolioMemory::huge_pages(kHugePage);
  {
    Guest guest;
    back_window(guest, window);
    ASSERT_EQ(guest.touch(Guest::kWindow, 1), answer(0));
    for (const size_t index : {0u, 17u, 18u, 511u}) {
      uint64_t word = ~uint64_t{0};
      iovec local{&word, sizeof word};
      iovec remote{window.page(index), sizeof word};
      ASSERT_EQ(::process_vm_readv(::getpid(), &local, 1, &remote, 1, 0), ssize_t{sizeof word});
      const uint64_t number = FolioMemory::number_of(index);
      std::memcpy(window.page(index), &number, sizeof number);
    }
  }

  for (size_t index = 0; index < kHugePagePages; ++index) {
    const bool taken = index == 0 || index == 17 || index == 18 || index == 511;
    ASSERT_EQ(word_of(window, index), taken ? FolioMemory::number_of(index) : 0);
  }
  EXPECT_EQ(locked_bytes(), 0u);
}

CONTRACT_TEST(DonateReclaim, memory_can_be_lent_again_and_again) {
  const FolioMemory window = FolioMemory::huge_pages(2 * kHugePage);

  for (size_t round = 0; round < 4; ++round) {
    lend(window, round);
    expect_zeroed_but(window, round);
  }
}

// The page `first` of a block is given away and the block with it is broken. The host then faults
// on each of the `pages` - 1 after it. Where the memory is mapped by pages, only the one is
// unmapped.
size_t host_faults_around_a_donated_page(const FolioMemory& memory, size_t first, size_t pages) {
  Guest guest;
  back(guest, Guest::kWindowSlot, Guest::kWindow, memory.page(first), page_size());
  EXPECT_EQ(guest.touch(Guest::kWindow, 1), answer(0));
  const HypervisorTrace trace("hyp_enter");
  for (size_t index = 1; index < pages; ++index) EXPECT_EQ(word_of(memory, first + index), 0u);
  return trace.count("reason=host_abort");
}

CONTRACT_TEST(DonateReclaim, host_has_its_blocks_back) {
  const FolioMemory huge = FolioMemory::huge_pages(kHugePage);
  lend(huge, 3);
  std::memset(huge.page(3), 0, page_size());
  EXPECT_GE(host_faults_around_a_donated_page(huge, 0, kHugePagePages), kHugePagePages - 1);

  // The memory is in pieces again after that.
  EXPECT_LE(host_faults_around_a_donated_page(huge, 0, kHugePagePages), 10u);
}

// The first page of those folios of 64 KiB that make up a block of 2 MiB between them, all of it,
// and are not the very first of the memory.
size_t first_page_of_a_block(const FolioMemory& memory) {
  const std::vector<PageState> pages = page_states(memory.data(), memory.size() / page_size());
  std::map<uint64_t, std::vector<size_t>> folios_of_blocks;
  for (size_t first = 0; first < pages.size(); first += kFolioPages) {
    folios_of_blocks[pages[first].frame / kHugePagePages].push_back(first);
  }
  for (const auto& [block, folios] : folios_of_blocks) {
    if (folios.size() == kHugePagePages / kFolioPages && folios.front() != 0) return folios.front();
  }
  throw Unavailable("no block of this host is made of the folios that it gave");
}

CONTRACT_TEST(DonateReclaim, host_has_its_blocks_back_from_smaller_folios) {
  const FolioMemory middle = FolioMemory::folios_of_64_kib(4 * kHugePage);
  // The host goes on using the page that is shared, by a mapping of its own, so that the block
  // which that one is in stays in pieces.
  const size_t first = first_page_of_a_block(middle);
  lend(middle, 3);
  std::memset(middle.page(3), 0, page_size());

  EXPECT_GE(host_faults_around_a_donated_page(middle, first, kFolioPages), kFolioPages - 1);
}

}  // namespace
}  // namespace redoubt::suite
