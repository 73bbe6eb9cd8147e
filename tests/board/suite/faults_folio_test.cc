// SPDX-License-Identifier: Apache-2.0
//
// Memory that is part of something larger. The stock handler gives a page of it at a time, and pins
// all of the folio by that; the patched one gives what it pins. Either way what is charged is what
// is given, to the page.
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <string>
#include <vector>

#include <sys/mman.h>

#include "tests/board/suite/support/donation.h"
#include "tests/board/suite/support/fault_path.h"
#include "tests/board/suite/support/host_access.h"
#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/isolated.h"

namespace redoubt::suite {
namespace {

constexpr size_t kFolio64 = 64 << 10;

struct Booted : Guest {
  Booted() {
    EXPECT_EQ(command(Command::BootState), answer(0));
    locked = locked_bytes();
    pinned = pinned_pages();
  }

  FaultPath path;
  uint64_t locked;
  int64_t pinned;
};

// What one kernel gives for a touch and what the other does.
struct Given {
  size_t patched_first;  // of the window's pages
  size_t patched_count;
};

// The guest reads a page of the window and finds what is in it; nothing but that page is given, or
// all that comes along with it, by one donation that is charged for and pinned to the page.
void expect_given(Booted& guest, const FolioMemory& window, size_t page, Given given) {
  const bool folios = donates_folios(guest);
  const size_t first = folios ? given.patched_first : page;
  const size_t count = folios ? given.patched_count : 1;
  const uint64_t locked = locked_bytes();
  const int64_t pinned = pinned_pages();
  guest.path.forget();

  ASSERT_EQ(guest.read(Guest::window_page(page)), answer(FolioMemory::number_of(page)));

  EXPECT_EQ(guest.path.donations(), (std::vector<Donation>{{Guest::window_page(first), count, 0}}))
      << guest.path.steps();
  EXPECT_EQ(locked_bytes() - locked, count * page_size());
  EXPECT_EQ(pinned_pages() - pinned, static_cast<int64_t>(count));
  EXPECT_EQ(host_load(window.page(page)).signal, SIGSEGV);
  EXPECT_EQ(host_load(window.page(first)).signal, SIGSEGV);
  EXPECT_EQ(host_load(window.page(first + count - 1)).signal, SIGSEGV);
}

CONTRACT_TEST(FaultsFolio, transparent_huge_page) {
  const FolioMemory window = FolioMemory::huge_pages(2 * kHugePage);
  window.number_pages();
  Booted guest;
  back_window(guest, window);

  expect_given(guest, window, 77, {0, 512});
  expect_given(guest, window, 512 + 511, {512, 512});
}

CONTRACT_TEST(FaultsFolio, folio_of_64_kib) {
  const FolioMemory window = FolioMemory::folios_of_64_kib(4 * kFolio64);
  window.number_pages();
  Booted guest;
  back_window(guest, window);

  expect_given(guest, window, 5, {0, 16});
  expect_given(guest, window, 16, {16, 16});
  expect_given(guest, window, 63, {48, 16});
}

CONTRACT_TEST(FaultsFolio, huge_page_of_a_memfd) {
  const FolioMemory window = FolioMemory::shared_huge_pages(kHugePage);
  window.number_pages();
  Booted guest;
  back_window(guest, window);

  expect_given(guest, window, 300, {0, 512});
}

// The folio keeps its size when a part of it is no longer mapped.
CONTRACT_TEST(FaultsFolio, partially_mapped_folio) {
  const FolioMemory window = FolioMemory::huge_pages(kHugePage);
  window.number_pages();
  Booted guest;
  back_window(guest, window);
  ASSERT_EQ(::munmap(window.page(100), 50 * page_size()), 0);

  // What is in front of the page is left out where it is not all there.
  expect_given(guest, window, 200, {200, 312});
  expect_given(guest, window, 40, {0, 100});

  guest.path.forget();
  expect_failure(guest, guest.read(Guest::window_page(120)), {.explained = EFAULT, .bare = EFAULT},
                 Guest::window_page(120));
  EXPECT_EQ(guest.path.steps(), pin_refused("EFAULT"));
}

CONTRACT_TEST(FaultsFolio, folio_across_two_memslots) {
  const FolioMemory window = FolioMemory::huge_pages(kHugePage);
  window.number_pages();
  Booted guest;
  back(guest, 1, Guest::kWindow, window.data(), 100 * page_size());
  back(guest, 2, Guest::window_page(100), window.page(100), 412 * page_size());

  expect_given(guest, window, 99, {0, 100});
  expect_given(guest, window, 300, {100, 412});
}

// Each page once, in whatever order: what is charged in the end is the folio, on either kernel.
CONTRACT_TEST(FaultsFolio, all_of_a_folio_is_charged_once) {
  const FolioMemory window = FolioMemory::folios_of_64_kib(kFolio64);
  window.number_pages();
  {
    Booted guest;
    back_window(guest, window);
    guest.path.forget();
    for (const size_t page :
         {9u, 3u, 15u, 0u, 1u, 2u, 4u, 5u, 6u, 7u, 8u, 10u, 11u, 12u, 13u, 14u}) {
      ASSERT_EQ(guest.read(Guest::window_page(page)), answer(FolioMemory::number_of(page)));
    }

    EXPECT_EQ(guest.path.donations().size(), donates_folios(guest) ? 1u : 16u);
    EXPECT_EQ(locked_bytes() - guest.locked, kFolio64);
    EXPECT_EQ(pinned_pages() - guest.pinned, 16);
  }
  EXPECT_EQ(locked_bytes(), 0u) << "the guest is gone";
}

// One page in each of four folios.
CONTRACT_TEST(FaultsFolio, sparse_touch) {
  const FolioMemory window = FolioMemory::huge_pages(4 * kHugePage);
  window.number_pages();
  Booted guest;
  back_window(guest, window);

  for (size_t folio = 0; folio < 4; ++folio) {
    expect_given(guest, window, folio * 512 + 9, {folio * 512, 512});
  }
}

}  // namespace
}  // namespace redoubt::suite
