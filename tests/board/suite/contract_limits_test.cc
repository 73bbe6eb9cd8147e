// SPDX-License-Identifier: Apache-2.0
//
// How the host accounts for what a protected guest holds: page by page as it touches them, pinned,
// in the locked memory of the process, and within its limit unless it may ignore that.
#include <cerrno>

#include <sys/mman.h>

#include "tests/board/suite/support/contract_guest.h"
#include "tests/board/suite/support/donation.h"
#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/isolated.h"

namespace redoubt::suite {
namespace {

constexpr size_t kLimitPages = 3;

// The pages that the guest can touch beside its own before the limit is reached.
size_t pages_within_limit() { return kLimitPages - Guest::image_pages(); }

constexpr Failure kOverLimit{.explained = ENOMEM, .bare = ENOMEM};

void become_limited_to(size_t pages) {
  drop_ipc_lock();
  limit_locked_memory(pages * page_size());
}

CONTRACT_TEST(ContractLimits, every_donated_page_is_locked_and_pinned_and_no_other) {
  const Backing window = Backing::anonymous(64 * page_size());
  Guest guest;
  guest.back_window(window);
  const int64_t pinned_before = pinned_pages();
  EXPECT_EQ(locked_bytes(), 0u);

  ASSERT_EQ(guest.command(Command::BootState), answer(0));
  EXPECT_EQ(locked_bytes(), Guest::image_pages() * page_size());

  for (const size_t pages : {1u, 2u, 10u, 50u}) {
    ASSERT_EQ(guest.touch(Guest::kWindow, pages), answer(0));
    const size_t held = Guest::image_pages() + pages;
    EXPECT_EQ(locked_bytes(), held * page_size());
    EXPECT_EQ(pinned_pages() - pinned_before, static_cast<int64_t>(held));
  }
}

CONTRACT_TEST(ContractLimits, touching_a_page_again_and_sharing_it_cost_nothing_more) {
  const Backing window = Backing::anonymous(2 * page_size());
  Guest guest;
  guest.back_window(window);
  ASSERT_EQ(guest.touch(Guest::kWindow, 2), answer(0));
  const uint64_t held = locked_bytes();

  ASSERT_EQ(guest.touch(Guest::kWindow, 2), answer(0));
  EXPECT_EQ(locked_bytes(), held);
  ASSERT_EQ(guest.share(Guest::kWindow), answer(0));
  EXPECT_EQ(locked_bytes(), held);
  ASSERT_EQ(guest.unshare(Guest::kWindow), answer(0));
  EXPECT_EQ(locked_bytes(), held);
}

CONTRACT_TEST(ContractLimits, unprotected_guest_locks_nothing) {
  const Backing window = Backing::anonymous(8 * page_size());
  Guest guest(Protection::Unprotected);
  guest.back_window(window);

  ASSERT_EQ(guest.touch(Guest::kWindow, 8), answer(0));

  EXPECT_EQ(locked_bytes(), 0u);
}

CONTRACT_TEST(ContractLimits, page_beyond_the_memlock_limit_is_enomem) {
  const Backing window = Backing::anonymous(kLimitPages * page_size());
  Guest guest;
  guest.back_window(window);
  become_limited_to(kLimitPages);
  ASSERT_EQ(guest.touch(Guest::kWindow, pages_within_limit()), answer(0));
  EXPECT_EQ(locked_bytes(), kLimitPages * page_size());

  const uint64_t beyond = Guest::window_page(pages_within_limit());
  expect_failure(guest, guest.read(beyond), kOverLimit, beyond);
  expect_failure(guest, guest.resume(), kOverLimit, beyond);

  EXPECT_EQ(locked_bytes(), kLimitPages * page_size());
}

CONTRACT_TEST(ContractLimits, same_vcpu_runs_on_once_the_limit_is_raised) {
  const Backing window = Backing::anonymous(kLimitPages * page_size());
  window.write_word(pages_within_limit(), 0x1234);
  Guest guest;
  guest.back_window(window);
  become_limited_to(kLimitPages);
  ASSERT_EQ(guest.touch(Guest::kWindow, pages_within_limit()), answer(0));
  const uint64_t beyond = Guest::window_page(pages_within_limit());
  expect_failure(guest, guest.read(beyond), kOverLimit, beyond);

  limit_locked_memory((kLimitPages + 1) * page_size());

  EXPECT_EQ(guest.resume(), answer(0x1234));
  EXPECT_EQ(locked_bytes(), (kLimitPages + 1) * page_size());
}

CONTRACT_TEST(ContractLimits, memory_that_is_mlocked_too_counts_twice) {
  const Backing window = Backing::anonymous(4 * page_size());
  Guest guest;
  guest.back_window(window);
  ASSERT_EQ(::mlock(window.data(), window.size()), 0);
  ASSERT_EQ(locked_bytes(), 4 * page_size());

  ASSERT_EQ(guest.touch(Guest::kWindow, 4), answer(0));

  EXPECT_EQ(locked_bytes(), (Guest::image_pages() + 8) * page_size());
}

CONTRACT_TEST(ContractLimits, cap_ipc_lock_ignores_the_limit) {
  if (!has_ipc_lock()) throw Unavailable("run without CAP_IPC_LOCK");
  const Backing window = Backing::anonymous(8 * page_size());
  Guest guest;
  guest.back_window(window);
  limit_locked_memory(kLimitPages * page_size());

  EXPECT_EQ(guest.touch(Guest::kWindow, 8), answer(0));

  EXPECT_EQ(locked_bytes(), (Guest::image_pages() + 8) * page_size());
}

}  // namespace
}  // namespace redoubt::suite
