// SPDX-License-Identifier: Apache-2.0
//
// KSM and memory that is marked as mergeable, which some VMMs do by default. A kernel without the
// series reads the pages of the guest, which takes them away from it.
#include <cerrno>
#include <ctime>
#include <string>

#include <sys/mman.h>

#include "tests/board/suite/support/donation.h"
#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/isolated.h"

namespace redoubt::suite {
namespace {

const std::string kKsm = "/sys/kernel/mm/ksm/";
constexpr size_t kPages = 16;

uint64_t full_scans() { return std::stoull(read_file(kKsm + "full_scans").value_or("0")); }

void mark_mergeable(const FolioMemory& memory) {
  if (::madvise(memory.data(), memory.size(), MADV_MERGEABLE) != 0) {
    throw Unavailable("this host has no KSM");
  }
}

// Lets KSM look at everything that it may, so often that it has compared what it can. It does not
// look at all unless there is something to look at.
void let_ksm_scan() {
  const FolioMemory something = FolioMemory::small_pages(page_size());
  mark_mergeable(something);
  const Setting often(kKsm + "sleep_millisecs", "1");
  const Setting all(kKsm + "pages_to_scan", "10000");
  const Setting run(kKsm + "run", "1");
  const uint64_t enough = full_scans() + 4;
  const timespec moment{0, 5'000'000};
  while (full_scans() < enough) ::nanosleep(&moment, nullptr);
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

  EXPECT_GE(std::stoull(read_file(kKsm + "pages_sharing").value_or("0")), kPages - 1);
}

}  // namespace
}  // namespace redoubt::suite
