// SPDX-License-Identifier: Apache-2.0
//
// Who sees a page of a protected guest: before the guest has touched it, after, while it is shared,
// and once it is no longer. (pkvm.rst; hypercalls.rst for MEM_SHARE and MEM_UNSHARE.)
#include <cerrno>
#include <csignal>

#include <sys/wait.h>
#include <unistd.h>

#include "tests/board/suite/support/contract_guest.h"
#include "tests/board/suite/support/donation.h"
#include "tests/board/suite/support/host_access.h"
#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/isolated.h"

namespace redoubt::suite {
namespace {

constexpr uint64_t kHostWord = 0x686f'7374'686f'7374;   // "hosthost"
constexpr uint64_t kGuestWord = 0x6775'6573'7467'7565;  // "guestgue"

void expect_refused(const HostAccess& access, const std::byte* address) {
  EXPECT_EQ(access.signal, SIGSEGV) << access;
  EXPECT_EQ(access.code, SEGV_ACCERR) << access;
  EXPECT_EQ(access.address, address) << access;
}

CONTRACT_TEST(ContractMemory, host_load_of_a_private_page_is_sigsegv_at_the_exact_address) {
  const Backing window = Backing::anonymous(2 * page_size());
  Guest guest;
  guest.back_window(window);

  ASSERT_EQ(guest.write(Guest::kWindow, kGuestWord), answer(0));

  for (const size_t offset : {size_t{0}, size_t{0x123}, page_size() - 1}) {
    expect_refused(host_load(window.data() + offset), window.data() + offset);
  }
  EXPECT_TRUE(host_load(window.page(1)).went_through());
}

CONTRACT_TEST(ContractMemory, host_store_to_a_private_page_is_sigsegv_and_changes_nothing) {
  const Backing window = Backing::anonymous(page_size());
  Guest guest;
  guest.back_window(window);
  ASSERT_EQ(guest.write(Guest::kWindow, kGuestWord), answer(0));

  expect_refused(host_store(window.data() + 5, 0xff), window.data() + 5);

  EXPECT_EQ(guest.read(Guest::kWindow), answer(kGuestWord));
}

CONTRACT_TEST(ContractMemory, page_that_the_guest_only_read_is_as_private_as_a_written_one) {
  const Backing window = Backing::anonymous(page_size());
  Guest guest;
  guest.back_window(window);

  ASSERT_EQ(guest.read(Guest::kWindow), answer(0));

  expect_refused(host_load(window.data()), window.data());
}

CONTRACT_TEST(ContractMemory, guests_own_code_is_private_once_it_has_run) {
  Guest guest;
  EXPECT_TRUE(host_load(guest.ram().data()).went_through());

  ASSERT_EQ(guest.command(Command::BootState), answer(0));

  expect_refused(host_load(guest.ram().data()), guest.ram().data());
}

CONTRACT_TEST(ContractMemory, page_of_an_unprotected_guest_stays_open_to_the_host) {
  const Backing window = Backing::anonymous(page_size());
  Guest guest(Protection::Unprotected);
  guest.back_window(window);

  ASSERT_EQ(guest.write(Guest::kWindow, kGuestWord), answer(0));
  EXPECT_EQ(window.read_word(0), kGuestWord);
  window.write_word(0, kHostWord);

  EXPECT_EQ(guest.read(Guest::kWindow), answer(kHostWord));
}

CONTRACT_TEST(ContractMemory, refusal_holds_in_another_process_that_maps_the_page) {
  const Backing window = Backing::memfd(page_size());
  Guest guest;
  guest.back_window(window);
  ASSERT_EQ(guest.write(Guest::kWindow, kGuestWord), answer(0));

  const pid_t child = ::fork();
  if (child == 0) ::_exit(host_load(window.data()).signal);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);

  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), SIGSEGV);
  EXPECT_EQ(guest.read(Guest::kWindow), answer(kGuestWord));
}

CONTRACT_TEST(ContractMemory, write_from_a_private_page_is_efault_and_leaves_the_guest_unharmed) {
  const Backing window = Backing::anonymous(page_size());
  Guest guest;
  guest.back_window(window);
  EXPECT_EQ(write_to_pipe_from(window.data(), 1), 0);
  ASSERT_EQ(guest.write(Guest::kWindow, kGuestWord), answer(0));

  EXPECT_EQ(write_to_pipe_from(window.data(), 1), EFAULT);
  EXPECT_EQ(write_to_pipe_from(window.data(), page_size()), EFAULT);

  EXPECT_EQ(guest.read(Guest::kWindow), answer(kGuestWord));
}

CONTRACT_TEST(ContractMemory, read_into_a_private_page_is_efault_and_leaves_the_guest_unharmed) {
  const Backing window = Backing::anonymous(page_size());
  Guest guest;
  guest.back_window(window);
  ASSERT_EQ(guest.write(Guest::kWindow, kGuestWord), answer(0));

  EXPECT_EQ(read_from_pipe_to(window.data(), sizeof kGuestWord), EFAULT);

  EXPECT_EQ(guest.read(Guest::kWindow), answer(kGuestWord));
}

CONTRACT_TEST(ContractMemory, share_returns_zero_and_both_sides_see_the_page) {
  const Backing window = Backing::anonymous(page_size());
  Guest guest;
  guest.back_window(window);
  ASSERT_EQ(guest.write(Guest::kWindow, kGuestWord), answer(0));

  EXPECT_EQ(guest.share(Guest::kWindow), answer(0));

  ASSERT_TRUE(host_load(window.data()).went_through());
  EXPECT_EQ(window.read_word(0), kGuestWord);
  EXPECT_EQ(write_to_pipe_from(window.data(), page_size()), 0);
  window.write_word(0, kHostWord);
  EXPECT_EQ(guest.read(Guest::kWindow), answer(kHostWord));
  EXPECT_EQ(guest.write(Guest::kWindow, ~kGuestWord), answer(0));
  EXPECT_EQ(window.read_word(0), ~kGuestWord);
}

CONTRACT_TEST(ContractMemory, unshare_makes_the_page_fault_again_and_keeps_what_is_in_it) {
  const Backing window = Backing::anonymous(page_size());
  Guest guest;
  guest.back_window(window);
  ASSERT_EQ(guest.share(Guest::kWindow), answer(0));
  window.write_word(0, kHostWord);

  EXPECT_EQ(guest.unshare(Guest::kWindow), answer(0));

  expect_refused(host_load(window.data()), window.data());
  expect_refused(host_store(window.data() + 9, 1), window.data() + 9);
  EXPECT_EQ(write_to_pipe_from(window.data(), 1), EFAULT);
  EXPECT_EQ(guest.read(Guest::kWindow), answer(kHostWord));
}

CONTRACT_TEST(ContractMemory, page_can_be_shared_again_and_again) {
  const Backing window = Backing::memfd(page_size());
  Guest guest;
  guest.back_window(window);

  for (uint64_t round = 1; round <= 20; ++round) {
    ASSERT_EQ(guest.share(Guest::kWindow), answer(0));
    window.write_word(0, round);
    ASSERT_EQ(guest.unshare(Guest::kWindow), answer(0));
    ASSERT_EQ(guest.read(Guest::kWindow), answer(round));
    ASSERT_EQ(host_load(window.data()).signal, SIGSEGV);
  }
}

CONTRACT_TEST(ContractMemory, share_concerns_one_page_only) {
  const Backing window = Backing::anonymous(3 * page_size());
  Guest guest;
  guest.back_window(window);
  ASSERT_EQ(guest.touch(Guest::kWindow, 3), answer(0));

  ASSERT_EQ(guest.share(Guest::window_page(1)), answer(0));

  EXPECT_EQ(host_load(window.page(1) - 1).signal, SIGSEGV);
  EXPECT_TRUE(host_load(window.page(1)).went_through());
  EXPECT_TRUE(host_load(window.page(2) - 1).went_through());
  EXPECT_EQ(host_load(window.page(2)).signal, SIGSEGV);
}

CONTRACT_TEST(ContractMemory, never_touched_page_can_be_shared_and_keeps_what_the_host_put_there) {
  const Backing window = Backing::anonymous(page_size());
  Guest guest;
  guest.back_window(window);
  window.write_word(0, kHostWord);

  EXPECT_EQ(guest.share(Guest::kWindow), answer(0));

  EXPECT_EQ(window.read_word(0), kHostWord);
  EXPECT_EQ(guest.read(Guest::kWindow), answer(kHostWord));
}

CONTRACT_TEST(ContractMemory, share_refuses_what_is_shared_unaligned_or_has_spare_arguments) {
  const Backing window = Backing::anonymous(2 * page_size());
  Guest guest;
  guest.back_window(window);
  ASSERT_EQ(guest.share(Guest::kWindow), answer(0));

  EXPECT_EQ(guest.share(Guest::kWindow), answer(kInvalidParameter));
  EXPECT_EQ(guest.share(Guest::window_page(1) + 8), answer(kInvalidParameter));
  EXPECT_EQ(guest.hvc(Hypercall::MemShare, Guest::window_page(1), 1), answer(kInvalidParameter));
  EXPECT_EQ(guest.hvc(Hypercall::MemShare, Guest::window_page(1), 0, 1), answer(kInvalidParameter));
}

CONTRACT_TEST(ContractMemory, unshare_refuses_what_is_not_shared) {
  const Backing window = Backing::anonymous(2 * page_size());
  Guest guest;
  guest.back_window(window);
  ASSERT_EQ(guest.touch(Guest::kWindow, 1), answer(0));

  EXPECT_EQ(guest.unshare(Guest::kWindow), answer(kInvalidParameter));

  ASSERT_EQ(guest.share(Guest::kWindow), answer(0));
  ASSERT_EQ(guest.unshare(Guest::kWindow), answer(0));
  EXPECT_EQ(guest.unshare(Guest::kWindow), answer(kInvalidParameter));
}

CONTRACT_TEST(ContractMemory, never_touched_page_stays_open_to_the_host) {
  const Backing window = Backing::anonymous(2 * page_size());
  Guest guest;
  guest.back_window(window);
  window.write_word(1, kHostWord);

  ASSERT_EQ(guest.touch(Guest::kWindow, 1), answer(0));

  EXPECT_EQ(window.read_word(1), kHostWord);
  window.write_word(1, ~kHostWord);
  EXPECT_EQ(guest.read(Guest::window_page(1)), answer(~kHostWord));
  EXPECT_EQ(host_load(window.page(1)).signal, SIGSEGV);
}

CONTRACT_TEST(ContractMemory, donation_inside_a_huge_page_takes_the_page_or_all_of_it) {
  const Backing window = Backing::transparent_huge_page();
  Guest guest;
  guest.back_window(window);
  ASSERT_EQ(guest.command(Command::BootState), answer(0));
  const uint64_t before = locked_bytes();

  ASSERT_EQ(guest.write(Guest::window_page(7), kGuestWord), answer(0));

  const bool all = donates_folios(guest);
  EXPECT_EQ(locked_bytes(), before + (all ? window.size() : page_size()));
  expect_refused(host_load(window.page(7)), window.page(7));
  for (size_t page = 0; page < window.size() / page_size(); ++page) {
    if (page == 7) continue;
    ASSERT_EQ(host_load(window.page(page)).went_through(), !all) << "page " << page;
  }
  EXPECT_EQ(anonymous_huge_bytes(window.data()), window.size());
}

}  // namespace
}  // namespace redoubt::suite
