// SPDX-License-Identifier: Apache-2.0
//
// KSM and memory that is marked as mergeable, which some VMMs do by default. A kernel without the
// series reads the pages of the guest, which takes them away from it.
#include <cerrno>
#include <string>

#include "tests/board/suite/support/donation.h"
#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/isolated.h"
#include "tests/board/suite/support/ksm.h"

namespace redoubt::suite {
namespace {

constexpr size_t kPages = 16;

void mark_mergeable(const FolioMemory& memory) {
  suite::mark_mergeable(memory.data(), memory.size());
}

void expect_pages_kept(Guest& guest) {
  if (!explains_faults(guest)) {
    EXPECT_EQ(guest.read(Guest::window_page(3)), run_error(EFAULT));
    return;
  }
  for (size_t index = 0; index < kPages; ++index) {
    ASSERT_EQ(guest.read(Guest::window_page(index)), answer(FolioMemory::number_of(index)));
  }
}

CONTRACT_TEST(DonateKsm, memory_that_was_mergeable_before_the_guest_ran) {
  const FolioMemory window = FolioMemory::small_pages(kPages * page_size());
  window.number_pages();
  mark_mergeable(window);
  Guest guest;
  back_window(guest, window);
  ASSERT_EQ(guest.touch(Guest::kWindow, kPages), answer(0));

  let_ksm_scan();

  expect_pages_kept(guest);
}

CONTRACT_TEST(DonateKsm, memory_that_was_marked_mergeable_later) {
  const FolioMemory window = FolioMemory::small_pages(kPages * page_size());
  window.number_pages();
  Guest guest;
  back_window(guest, window);
  ASSERT_EQ(guest.touch(Guest::kWindow, kPages), answer(0));
  mark_mergeable(window);

  let_ksm_scan();

  expect_pages_kept(guest);
}

// Two pages that are the same get merged, so that the scan in the other tests is one that would.
CONTRACT_TEST(DonateKsm, other_memory_is_merged_as_ever) {
  const FolioMemory memory = FolioMemory::small_pages(kPages * page_size());
  for (size_t index = 0; index < kPages; ++index) memory.page(index)[5] = std::byte{0x5a};
  mark_mergeable(memory);

  let_ksm_scan();

  EXPECT_GE(std::stoull(read_file("/sys/kernel/mm/ksm/pages_sharing").value_or("0")), kPages - 1);
}

}  // namespace
}  // namespace redoubt::suite
