// SPDX-License-Identifier: Apache-2.0
//
// A folio is given to a protected guest as a whole where that is possible, and what is charged to
// the owner's limit is what was given. Where it is not possible, a page at a time as ever.
#include <cerrno>
#include <csignal>
#include <thread>

#include <sys/mman.h>

#include "tests/board/suite/support/donation.h"
#include "tests/board/suite/support/host_access.h"
#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/isolated.h"

namespace redoubt::suite {
namespace {

constexpr size_t kHugePagePages = 512;

// A guest that is past its own first pages, which are not what is counted.
struct Booted : Guest {
  explicit Booted(unsigned vcpus = 1) : Guest(Protection::Protected, vcpus) {
    EXPECT_EQ(command(Command::BootState), answer(0));
    before = counters(*this, vcpus);
    locked = locked_bytes();
    pinned = pinned_pages();
  }

  Counters before;
  uint64_t locked;
  int64_t pinned;
};

// That `pages` pages are the guest's since it has booted, are charged for and pinned, by so many
// faults and calls.
void expect_cost(Booted& guest, uint64_t faults, uint64_t calls, uint64_t pages) {
  EXPECT_EQ(counters(guest).since(guest.before),
            (Counters{.faults = faults, .calls = calls, .donated = pages}));
  EXPECT_EQ(locked_bytes() - guest.locked, pages * page_size());
  EXPECT_EQ(pinned_pages() - guest.pinned, static_cast<int64_t>(pages));
}

void expect_numbers(Guest& guest, uint64_t ipa, size_t first, size_t count, size_t step) {
  for (size_t index = 0; index < count; index += step) {
    ASSERT_EQ(guest.read(ipa + index * page_size()), answer(FolioMemory::number_of(first + index)));
  }
}

bool is_private(const FolioMemory& memory, size_t page_index) {
  return host_load(memory.page(page_index)).signal == SIGSEGV;
}

CONTRACT_TEST(DonateFolio, huge_page_is_one_fault_and_one_call) {
  const FolioMemory window = FolioMemory::huge_pages(2 * kHugePage);
  window.number_pages();
  Booted guest;
  back_window(guest, window);

  ASSERT_EQ(guest.read(Guest::window_page(77)), answer(FolioMemory::number_of(77)));

  expect_cost(guest, 1, 1, kHugePagePages);
  EXPECT_TRUE(is_private(window, 0));
  EXPECT_TRUE(is_private(window, kHugePagePages - 1));
  EXPECT_FALSE(is_private(window, kHugePagePages));
  expect_numbers(guest, Guest::kWindow, 0, kHugePagePages, 1);
  expect_cost(guest, 1, 1, kHugePagePages);
}

CONTRACT_TEST(DonateFolio, folios_of_64_kib_are_one_fault_each) {
  const FolioMemory window = FolioMemory::folios_of_64_kib(16 * (64 << 10));
  window.number_pages();
  Booted guest;
  back_window(guest, window);

  expect_numbers(guest, Guest::kWindow, 0, window.size() / page_size(), 1);

  expect_cost(guest, 16, 16, 16 * 16);
}

CONTRACT_TEST(DonateFolio, huge_page_of_a_memfd_is_one_fault) {
  const FolioMemory window = FolioMemory::shared_huge_pages(kHugePage);
  window.number_pages();
  Booted guest;
  back_window(guest, window);

  expect_numbers(guest, Guest::kWindow, 0, kHugePagePages, 7);

  expect_cost(guest, 1, 1, kHugePagePages);
}

// One page in each huge page: what is immovable by that is what is charged.
CONTRACT_TEST(DonateFolio, sparse_touch_charges_what_it_makes_immovable) {
  const FolioMemory window = FolioMemory::huge_pages(4 * kHugePage);
  Booted guest;
  back_window(guest, window);

  for (size_t folio = 0; folio < 4; ++folio) {
    ASSERT_EQ(guest.touch(Guest::kWindow + folio * kHugePage + 9 * page_size(), 1), answer(0));
  }

  expect_cost(guest, 4, 4, 4 * kHugePagePages);
}

CONTRACT_TEST(DonateFolio, pages_of_a_folio_are_shared_and_lost_one_by_one) {
  const FolioMemory window = FolioMemory::huge_pages(kHugePage);
  window.number_pages();
  Booted guest;
  back_window(guest, window);

  ASSERT_EQ(guest.share(Guest::window_page(100)), answer(0));

  EXPECT_FALSE(is_private(window, 100));
  EXPECT_TRUE(is_private(window, 99));
  EXPECT_TRUE(is_private(window, 101));
  ASSERT_EQ(guest.unshare(Guest::window_page(100)), answer(0));
  EXPECT_TRUE(is_private(window, 100));
  expect_numbers(guest, Guest::kWindow, 0, kHugePagePages, 50);
  expect_cost(guest, 1, 1, kHugePagePages);
}

CONTRACT_TEST(DonateFolio, limit_too_tight_for_the_folio_gives_pages) {
  const FolioMemory window = FolioMemory::huge_pages(kHugePage);
  window.number_pages();
  Booted guest;
  back_window(guest, window);
  drop_ipc_lock();
  limit_locked_memory(guest.locked + 3 * page_size());

  expect_numbers(guest, Guest::kWindow, 0, 3, 1);
  expect_cost(guest, 3, 3, 3);
  expect_failure(guest, guest.read(Guest::window_page(3)), {.explained = ENOMEM, .bare = ENOMEM},
                 Guest::window_page(3));

  // The rest of it comes in one piece when the limit allows for it to the page.
  limit_locked_memory(guest.locked + kHugePage);
  EXPECT_EQ(guest.resume(), answer(FolioMemory::number_of(3)));
  expect_cost(guest, 5, 4, kHugePagePages);
}

CONTRACT_TEST(DonateFolio, folio_in_two_memslots_is_given_slot_by_slot) {
  const FolioMemory window = FolioMemory::huge_pages(kHugePage);
  window.number_pages();
  Booted guest;
  back(guest, 1, Guest::kWindow, window.data(), 100 * page_size());
  back(guest, 2, Guest::window_page(100), window.page(100), 412 * page_size());

  ASSERT_EQ(guest.read(Guest::window_page(99)), answer(FolioMemory::number_of(99)));
  expect_cost(guest, 1, 1, 100);
  ASSERT_EQ(guest.read(Guest::window_page(300)), answer(FolioMemory::number_of(300)));

  expect_cost(guest, 2, 2, kHugePagePages);
  expect_numbers(guest, Guest::kWindow, 0, kHugePagePages, 3);
}

// One call may not leave what one last-level table of the guest's covers.
CONTRACT_TEST(DonateFolio, folio_across_two_tables_of_the_guest_is_given_in_two) {
  const FolioMemory window = FolioMemory::huge_pages(kHugePage);
  window.number_pages();
  Booted guest;
  const uint64_t ipa = Guest::kWindow + 200 * page_size();
  back(guest, 1, ipa, window.data(), window.size());

  ASSERT_EQ(guest.read(ipa), answer(FolioMemory::number_of(0)));
  expect_cost(guest, 1, 1, 312);
  ASSERT_EQ(guest.read(ipa + 511 * page_size()), answer(FolioMemory::number_of(511)));

  expect_cost(guest, 2, 2, kHugePagePages);
  expect_numbers(guest, ipa, 0, kHugePagePages, 3);
}

CONTRACT_TEST(DonateFolio, only_what_is_mapped_around_the_page_is_given) {
  const FolioMemory window = FolioMemory::huge_pages(kHugePage);
  window.number_pages();
  Booted guest;
  back_window(guest, window);
  ASSERT_EQ(::munmap(window.page(50), page_size()), 0);
  ASSERT_EQ(::mprotect(window.page(400), page_size(), PROT_READ), 0);

  ASSERT_EQ(guest.read(Guest::window_page(60)), answer(FolioMemory::number_of(60)));

  // What is in front of the page is left out where it is not all there.
  expect_cost(guest, 1, 1, 400 - 60);
  EXPECT_FALSE(is_private(window, 59));
  EXPECT_FALSE(is_private(window, 401));
  ASSERT_EQ(guest.read(Guest::window_page(20)), answer(FolioMemory::number_of(20)));
  expect_cost(guest, 2, 2, 400 - 60 + 50);
}

CONTRACT_TEST(DonateFolio, neighbours_that_are_other_memory_are_left_alone) {
  const FolioMemory window = FolioMemory::huge_pages(kHugePage);
  window.number_pages();
  const FolioMemory other = FolioMemory::small_pages(page_size());
  Booted guest;
  back_window(guest, window);
  ASSERT_EQ(::mremap(other.data(), page_size(), page_size(), MREMAP_MAYMOVE | MREMAP_FIXED,
                     window.page(30)),
            window.page(30));

  ASSERT_EQ(guest.read(Guest::window_page(10)), answer(FolioMemory::number_of(10)));

  expect_cost(guest, 1, 1, 30);
  EXPECT_FALSE(is_private(window, 30));
  EXPECT_EQ(guest.read(Guest::window_page(30)), answer(0));
  expect_cost(guest, 2, 2, 31);
}

CONTRACT_TEST(DonateFolio, one_page_in_use_does_not_keep_the_others_from_the_guest) {
  const FolioMemory window = FolioMemory::huge_pages(kHugePage);
  window.number_pages();
  Booted guest;
  const uint64_t elsewhere = Guest::kWindow + 2 * kHugePage;
  back_window(guest, window);
  back(guest, 2, elsewhere, window.page(40), page_size());
  ASSERT_EQ(guest.read(elsewhere), answer(FolioMemory::number_of(40)));

  ASSERT_EQ(guest.read(Guest::window_page(39)), answer(FolioMemory::number_of(39)));
  ASSERT_EQ(guest.read(Guest::window_page(41)), answer(FolioMemory::number_of(41)));

  // The call for the folio is refused, the one for the page is not.
  expect_cost(guest, 3, 5, 3);
  EXPECT_EQ(guest.read(Guest::window_page(40)).error, EFAULT);
}

CONTRACT_TEST(DonateFolio, pages_that_came_one_by_one_leave_holes_that_come_in_one) {
  const FolioMemory window = FolioMemory::huge_pages(kHugePage);
  window.number_pages();
  Booted guest;
  back_window(guest, window);
  {
    const size_t tight = locked_bytes() + 2 * page_size();
    drop_ipc_lock();
    limit_locked_memory(tight);
    ASSERT_EQ(guest.touch(Guest::window_page(100), 1), answer(0));
    ASSERT_EQ(guest.touch(Guest::window_page(200), 1), answer(0));
    limit_locked_memory(2 * tight + kHugePage);
  }

  ASSERT_EQ(guest.read(Guest::window_page(150)), answer(FolioMemory::number_of(150)));
  expect_cost(guest, 3, 3, 2 + 99);
  ASSERT_EQ(guest.read(Guest::window_page(0)), answer(FolioMemory::number_of(0)));
  ASSERT_EQ(guest.read(Guest::window_page(511)), answer(FolioMemory::number_of(511)));

  expect_cost(guest, 5, 5, kHugePagePages);
  expect_numbers(guest, Guest::kWindow, 0, kHugePagePages, 10);
}

CONTRACT_TEST(DonateFolio, vcpus_may_race_for_a_folio) {
  constexpr size_t kFolios = 8;
  const FolioMemory window = FolioMemory::huge_pages(kFolios * kHugePage);
  window.number_pages();
  Guest guest(Protection::Protected, 2);
  back_window(guest, window);
  ASSERT_EQ(guest.hvc(Hypercall::CpuOn, 1, Guest::kRam, 0), answer(0));
  const uint64_t locked = locked_bytes();

  const auto touch_all = [&](unsigned vcpu) {
    for (size_t folio = 0; folio < kFolios; ++folio) {
      const uint64_t ipa = Guest::kWindow + folio * kHugePage + (vcpu * 300 + 7) * page_size();
      EXPECT_EQ(guest.command(Command::Touch, {ipa, 100, page_size()}, vcpu), answer(0));
    }
  };
  std::thread second([&] { touch_all(1); });
  touch_all(0);
  second.join();

  const Counters after = counters(guest, 2);
  EXPECT_EQ(locked_bytes() - locked, window.size());
  EXPECT_EQ(after.donated * page_size(), locked_bytes());
  expect_numbers(guest, Guest::kWindow, 0, window.size() / page_size(), 100);
}

}  // namespace
}  // namespace redoubt::suite
