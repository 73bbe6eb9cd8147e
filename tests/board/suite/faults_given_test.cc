// SPDX-License-Identifier: Apache-2.0
//
// The page is given: with what the host has put there, and the host is locked out from then on. So
// is a page that was not where it can stay, or not in memory at all.
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>

#include <sys/mman.h>

#include "tests/board/suite/support/donation.h"
#include "tests/board/suite/support/fault_path.h"
#include "tests/board/suite/support/host_access.h"
#include "tests/board/suite/support/isolated.h"
#include "tests/board/suite/support/page_map.h"
#include "tests/board/suite/support/zram_disk.h"

namespace redoubt::suite {
namespace {

constexpr uint64_t kGuestWord = 0x6775'6573'7467'7565;

// That the page is the guest's with all that the host had in it, and the host's no more.
void expect_given(Guest& guest, const FolioMemory& window, size_t page) {
  const uint64_t address = Guest::window_page(page);
  const uint64_t tail = page_size() - sizeof(uint64_t);
  std::memcpy(window.page(page) + tail, &kGuestWord, sizeof kGuestWord);
  const FaultPath path;

  EXPECT_EQ(guest.read(address), answer(FolioMemory::number_of(page)));

  EXPECT_EQ(path.steps(), kPageGiven);
  EXPECT_EQ(guest.read(address + tail), answer(kGuestWord));
  EXPECT_EQ(host_load(window.page(page)).signal, SIGSEGV);
  EXPECT_EQ(host_store(window.page(page), 1).signal, SIGSEGV);
  EXPECT_EQ(guest.write(address, kGuestWord), answer(0));
  EXPECT_EQ(guest.read(address), answer(kGuestWord));
  EXPECT_EQ(path.steps(), kPageGiven) << "the guest's own from then on";
}

CONTRACT_TEST(FaultsGiven, page_with_what_is_in_it) {
  const FolioMemory window = FolioMemory::small_pages(8 * page_size());
  window.number_pages();
  Guest guest;
  back_window(guest, window);
  ASSERT_EQ(guest.command(Command::BootState), answer(0));

  expect_given(guest, window, 3);

  EXPECT_TRUE(host_load(window.page(2)).went_through());
  EXPECT_TRUE(host_load(window.page(4)).went_through());
}

// A page that nobody has ever touched is made on the way.
CONTRACT_TEST(FaultsGiven, page_that_was_not_there_yet) {
  const FolioMemory window = FolioMemory::small_pages(8 * page_size());
  Guest guest;
  back_window(guest, window);
  ASSERT_EQ(guest.command(Command::BootState), answer(0));
  ASSERT_EQ(::madvise(window.data(), window.size(), MADV_DONTNEED), 0);
  ASSERT_FALSE(page_state(window.page(3)).present);
  const FaultPath path;

  EXPECT_EQ(guest.read(Guest::window_page(3)), answer(0));

  EXPECT_EQ(path.steps(), kPageGiven);
  EXPECT_TRUE(page_state(window.page(3)).present);
}

CONTRACT_TEST(FaultsGiven, page_that_was_swapped_out) {
  const SwapSpace swap(1 << 20);
  const FolioMemory window = FolioMemory::small_pages(8 * page_size());
  window.number_pages();
  Guest guest;
  back_window(guest, window);
  ASSERT_EQ(guest.command(Command::BootState), answer(0));
  // A page that the kernel has in its hands is left out.
  for (int i = 0; i < 100 && !page_state(window.page(3)).swapped_out; ++i) {
    empty_page_batches();
    ASSERT_EQ(::madvise(window.page(3), page_size(), MADV_PAGEOUT), 0) << std::strerror(errno);
  }
  ASSERT_TRUE(page_state(window.page(3)).swapped_out);
  const FaultPath path({"do_swap_page"});

  EXPECT_EQ(guest.read(Guest::window_page(3)), answer(FolioMemory::number_of(3)));

  EXPECT_EQ(path.steps(), kPageGiven);
  EXPECT_EQ(path.probe().count("do_swap_page"), 1u);
  EXPECT_EQ(host_load(window.page(3)).signal, SIGSEGV);
  // It has no way back: pinned pages are not swapped out.
  EXPECT_EQ(::madvise(window.page(3), page_size(), MADV_PAGEOUT), 0);
  EXPECT_TRUE(page_state(window.page(3)).present);
  EXPECT_EQ(guest.read(Guest::window_page(3)), answer(FolioMemory::number_of(3)));
}

}  // namespace
}  // namespace redoubt::suite
