// SPDX-License-Identifier: Apache-2.0
//
// What KVM_RUN says when memory cannot be given to a protected guest: where, and of what kind the
// trouble is. A kernel without the series says an errno, and some errnos mean several things.
#include <cerrno>
#include <csignal>

#include <linux/kvm.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/board/suite/support/donation.h"
#include "tests/board/suite/support/host_access.h"
#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/isolated.h"

namespace redoubt::suite {
namespace {

constexpr uint64_t kWord = 0x0123'4567'89ab'cdef;

// A page in the middle, so that an address of 0 or of the slot's start is not right by chance.
constexpr size_t kPage = 3;
const uint64_t kAddress = Guest::kWindow + kPage * 4096;

void protect(const FolioMemory& memory, size_t page_index, int protection) {
  ASSERT_EQ(::mprotect(memory.page(page_index), page_size(), protection), 0);
}

void read_own_memory(const std::byte* address) {
  uint64_t word = ~uint64_t{0};
  ASSERT_EQ(read_through_kernel(address, &word), ssize_t{sizeof word});
  ASSERT_EQ(word, 0u);
}

CONTRACT_TEST(DonateFailure, nothing_mapped_behind_the_memslot) {
  const FolioMemory window = FolioMemory::small_pages(8 * page_size());
  Guest guest;
  back_window(guest, window);
  ASSERT_EQ(::munmap(window.page(kPage), page_size()), 0);

  const Outcome outcome = guest.read(kAddress);

  expect_failure(guest, outcome, {.explained = EFAULT, .bare = EFAULT}, kAddress);
}

CONTRACT_TEST(DonateFailure, mapping_that_may_not_be_accessed) {
  const FolioMemory window = FolioMemory::small_pages(8 * page_size());
  Guest guest;
  back_window(guest, window);
  protect(window, kPage, PROT_NONE);

  const Outcome outcome = guest.read(kAddress);

  expect_failure(guest, outcome, {.explained = EFAULT, .bare = EFAULT}, kAddress);
}

CONTRACT_TEST(DonateFailure, mapping_that_may_not_be_written_until_it_may) {
  const FolioMemory window = FolioMemory::small_pages(8 * page_size());
  window.number_pages();
  Guest guest;
  back_window(guest, window);
  protect(window, kPage, PROT_READ);

  const Outcome outcome = guest.read(kAddress);

  expect_failure(guest, outcome, {.explained = EFAULT, .bare = EFAULT}, kAddress);
  protect(window, kPage, PROT_READ | PROT_WRITE);
  EXPECT_EQ(guest.resume(), answer(FolioMemory::number_of(kPage)));
}

CONTRACT_TEST(DonateFailure, memory_of_a_kind_that_cannot_be_given_away) {
  const Backing window = Backing::hugetlb_anonymous();
  Guest guest;
  guest.back_window(window);

  const Outcome outcome = guest.read(kAddress);

  expect_failure(guest, outcome, {.explained = EFAULT, .bare = EIO}, kAddress);
}

CONTRACT_TEST(DonateFailure, page_that_the_guest_has_elsewhere_already_and_no_warning) {
  const FolioMemory window = FolioMemory::small_pages(8 * page_size());
  Guest guest;
  back_window(guest, window);
  const uint64_t twice = Guest::kWindow + kHugePage;
  back(guest, Guest::kWindowSlot + 1, twice, window.data(), window.size());
  ASSERT_EQ(guest.write(kAddress, kWord), answer(0));
  const size_t log = kernel_log().size();

  const Outcome outcome = guest.read(twice + kPage * page_size());

  expect_failure(guest, outcome, {.explained = EFAULT, .bare = EPERM}, twice + kPage * page_size());
  const bool warned = kernel_log().substr(log).find("WARNING") != std::string::npos;
  EXPECT_EQ(warned, !explains_faults(guest));
}

CONTRACT_TEST(DonateFailure, page_that_the_host_took_away_for_good) {
  const FolioMemory window = FolioMemory::small_pages(8 * page_size());
  Guest guest;
  back_window(guest, window);
  ASSERT_EQ(guest.write(kAddress, kWord), answer(0));
  read_own_memory(window.page(kPage));

  const Outcome outcome = guest.read(kAddress);
  expect_failure(guest, outcome, {.explained = EHWPOISON, .bare = EFAULT}, kAddress);
  EXPECT_EQ(guest.resume(), outcome);
}

CONTRACT_TEST(DonateFailure, limit_on_locked_memory_until_it_is_raised) {
  const FolioMemory window = FolioMemory::small_pages(8 * page_size());
  window.number_pages();
  Guest guest;
  back_window(guest, window);
  ASSERT_EQ(guest.command(Command::BootState), answer(0));
  drop_ipc_lock();
  limit_locked_memory(locked_bytes());

  const Outcome outcome = guest.read(kAddress);

  expect_failure(guest, outcome, {.explained = ENOMEM, .bare = ENOMEM}, kAddress);
  limit_locked_memory(locked_bytes() + page_size());
  EXPECT_EQ(guest.resume(), answer(FolioMemory::number_of(kPage)));
}

CONTRACT_TEST(DonateFailure, failed_memory_is_told_by_a_signal_as_ever) {
  const FolioMemory window = FolioMemory::small_pages(8 * page_size());
  Guest guest;
  back_window(guest, window);
  static const void* volatile address;
  struct sigaction action {};
  action.sa_flags = SA_SIGINFO;
  action.sa_sigaction = [](int, siginfo_t* info, void*) { address = info->si_addr; };
  ASSERT_EQ(::sigaction(SIGBUS, &action, nullptr), 0);
  if (::madvise(window.page(kPage), page_size(), MADV_HWPOISON) != 0) {
    throw Unavailable("this host cannot make memory fail (CONFIG_MEMORY_FAILURE)");
  }
  address = nullptr;

  const Outcome outcome = guest.read(kAddress);

  EXPECT_EQ(outcome.error, EINTR);
  EXPECT_EQ(outcome.exit_reason, uint32_t{KVM_EXIT_INTR});
  EXPECT_EQ(address, window.page(kPage));
}

// Nothing of what was charged and pinned on the way may stay behind.
CONTRACT_TEST(DonateFailure, costs_nothing) {
  const FolioMemory window = FolioMemory::small_pages(8 * page_size());
  Guest guest;
  back_window(guest, window);
  ASSERT_EQ(guest.command(Command::BootState), answer(0));
  const uint64_t locked = locked_bytes();
  const int64_t pinned = pinned_pages();
  protect(window, kPage, PROT_READ);

  for (int attempt = 0; attempt < 100; ++attempt) ASSERT_EQ(guest.read(kAddress).error, EFAULT);

  EXPECT_EQ(locked_bytes(), locked);
  EXPECT_EQ(pinned_pages(), pinned);
}

}  // namespace
}  // namespace redoubt::suite
