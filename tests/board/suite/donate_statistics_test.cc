// SPDX-License-Identifier: Apache-2.0
//
// What the kernel counts and traces of the memory of protected guests.
#include <cerrno>

#include <unistd.h>

#include "tests/board/suite/support/donation.h"
#include "tests/board/suite/support/host_access.h"
#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/isolated.h"
#include "tests/board/suite/support/trace.h"

namespace redoubt::suite {
namespace {

void read_own_memory(const std::byte* address) {
  uint64_t word = 0;
  ASSERT_EQ(read_through_kernel(address, &word), ssize_t{sizeof word});
}

CONTRACT_TEST(DonateStatistics, small_pages_are_one_fault_and_one_call_each) {
  const FolioMemory window = FolioMemory::small_pages(16 * page_size());
  Guest guest;
  back_window(guest, window);
  ASSERT_EQ(guest.command(Command::BootState), answer(0));
  const Counters before = counters(guest);
  EXPECT_EQ(before.donated * page_size(), locked_bytes());

  ASSERT_EQ(guest.touch(Guest::kWindow, 10), answer(0));
  ASSERT_EQ(guest.touch(Guest::kWindow, 10), answer(0));

  EXPECT_EQ(counters(guest).since(before), (Counters{.faults = 10, .calls = 10, .donated = 10}));
}

CONTRACT_TEST(DonateStatistics, shared_pages_are_those_that_are_shared_now) {
  const FolioMemory window = FolioMemory::small_pages(4 * page_size());
  Guest guest;
  back_window(guest, window);
  ASSERT_EQ(guest.touch(Guest::kWindow, 4), answer(0));

  ASSERT_EQ(guest.share(Guest::window_page(0)), answer(0));
  ASSERT_EQ(guest.share(Guest::window_page(2)), answer(0));
  ASSERT_EQ(guest.share(Guest::window_page(2)), answer(kInvalidParameter));
  EXPECT_EQ(counters(guest).shared, 2u);

  ASSERT_EQ(guest.unshare(Guest::window_page(0)), answer(0));
  ASSERT_EQ(guest.unshare(Guest::window_page(0)), answer(kInvalidParameter));
  EXPECT_EQ(counters(guest).shared, 1u);
}

CONTRACT_TEST(DonateStatistics, poisoned_pages_stay_counted_as_donated) {
  const FolioMemory window = FolioMemory::small_pages(4 * page_size());
  Guest guest;
  back_window(guest, window);
  ASSERT_EQ(guest.touch(Guest::kWindow, 4), answer(0));
  const Counters before = counters(guest);

  read_own_memory(window.page(1));
  read_own_memory(window.page(1));

  EXPECT_EQ(counters(guest).since(before), (Counters{.poisoned = 1}));
}

CONTRACT_TEST(DonateStatistics, refused_page_is_a_call_and_no_donation) {
  const FolioMemory window = FolioMemory::small_pages(2 * page_size());
  Guest guest;
  back_window(guest, window);
  const uint64_t twice = Guest::kWindow + kHugePage;
  back(guest, Guest::kWindowSlot + 1, twice, window.data(), window.size());
  ASSERT_EQ(guest.touch(Guest::kWindow, 1), answer(0));
  const Counters before = counters(guest);

  ASSERT_EQ(guest.read(twice).error, EFAULT);

  EXPECT_EQ(counters(guest).since(before), (Counters{.faults = 1, .calls = 1}));
}

CONTRACT_TEST(DonateStatistics, unprotected_guest_has_none) {
  const FolioMemory window = FolioMemory::small_pages(4 * page_size());
  Guest guest(Protection::Unprotected);
  back_window(guest, window);

  ASSERT_EQ(guest.touch(Guest::kWindow, 4), answer(0));

  EXPECT_EQ(counters(guest), Counters{});
}

CONTRACT_TEST(DonateStatistics, donation_is_traced_with_its_extent) {
  const FolioMemory window = FolioMemory::huge_pages(kHugePage);
  Guest guest;
  back_window(guest, window);
  ASSERT_EQ(guest.command(Command::BootState), answer(0));
  const Trace trace("kvm", "kvm_pkvm_donate");

  ASSERT_EQ(guest.touch(Guest::window_page(5), 1), answer(0));

  EXPECT_EQ(trace.count(), 1u);
  EXPECT_NE(trace.lines().find(" ipa 0x48000000 "), std::string::npos) << trace.lines();
  EXPECT_NE(trace.lines().find(" nr_pages 512 ret 0"), std::string::npos) << trace.lines();
}

CONTRACT_TEST(DonateStatistics, whoever_takes_a_page_away_is_traced) {
  const FolioMemory window = FolioMemory::small_pages(page_size());
  Guest guest;
  back_window(guest, window);
  ASSERT_EQ(guest.touch(Guest::kWindow, 1), answer(0));
  const Trace trace("kvm", "kvm_pkvm_force_reclaim");

  read_own_memory(window.data());

  EXPECT_EQ(trace.count(), 1u) << trace.lines();
  EXPECT_NE(trace.lines().find("-" + std::to_string(::getpid()) + " "), std::string::npos)
      << trace.lines();
  EXPECT_NE(trace.lines().find("ret 0"), std::string::npos) << trace.lines();
}

}  // namespace
}  // namespace redoubt::suite
