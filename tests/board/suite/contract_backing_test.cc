// SPDX-License-Identifier: Apache-2.0
//
// Which host memory a protected guest can be given. KVM takes any memslot; what it thinks of the
// memory behind it comes out of KVM_RUN when the guest first touches it: as a plain errno with
// exit_reason 0, or on a kernel that explains faults with the address of the page.
#include <cerrno>
#include <csignal>

#include "tests/board/suite/support/contract_guest.h"
#include "tests/board/suite/support/donation.h"
#include "tests/board/suite/support/host_access.h"
#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/isolated.h"

namespace redoubt::suite {
namespace {

constexpr uint64_t kWord = 0x6261'636b'696e'6721;

// `folio` is the size of the pieces that the memory is made of: what is given at once by a kernel
// that gives more than pages.
void expect_donated_on_touch(const Backing& window, size_t folio) {
  window.write_word(0, kWord);
  Guest guest;
  guest.back_window(window);
  ASSERT_EQ(guest.command(Command::BootState), answer(0));
  const uint64_t before = locked_bytes();

  EXPECT_EQ(guest.read(Guest::kWindow), answer(kWord));

  EXPECT_EQ(locked_bytes(), before + (donates_folios(guest) ? folio : page_size()));
  EXPECT_EQ(host_load(window.data()).signal, SIGSEGV);
  EXPECT_EQ(guest.share(Guest::kWindow), answer(0));
  EXPECT_EQ(window.read_word(0), kWord);
}

void expect_refused_on_touch(const Backing& window, Failure failure) {
  Guest guest;
  ASSERT_EQ(guest.vm().set_memory(Guest::kWindowSlot, Guest::kWindow, window), 0);
  ASSERT_EQ(guest.command(Command::BootState), answer(0));
  const uint64_t before = locked_bytes();

  expect_failure(guest, guest.read(Guest::kWindow), failure, Guest::kWindow);
  expect_failure(guest, guest.resume(), failure, Guest::kWindow);

  EXPECT_EQ(locked_bytes(), before);
}

CONTRACT_TEST(ContractBacking, private_anonymous_memory_works) {
  expect_donated_on_touch(Backing::anonymous(page_size()), page_size());
}

CONTRACT_TEST(ContractBacking, transparent_huge_page_works) {
  expect_donated_on_touch(Backing::transparent_huge_page(), kHugePage);
}

CONTRACT_TEST(ContractBacking, shared_anonymous_memory_works) {
  expect_donated_on_touch(Backing::shared_anonymous(page_size()), page_size());
}

CONTRACT_TEST(ContractBacking, memfd_works) {
  expect_donated_on_touch(Backing::memfd(page_size()), page_size());
}

CONTRACT_TEST(ContractBacking, tmpfs_file_works) {
  expect_donated_on_touch(Backing::tmpfs_file(page_size()), page_size());
}

CONTRACT_TEST(ContractBacking, hugetlb_anonymous_memory_is_refused) {
  expect_refused_on_touch(Backing::hugetlb_anonymous(), {.explained = EFAULT, .bare = EIO});
}

CONTRACT_TEST(ContractBacking, hugetlb_memfd_is_refused) {
  expect_refused_on_touch(Backing::hugetlb_memfd(), {.explained = EFAULT, .bare = EIO});
}

CONTRACT_TEST(ContractBacking, read_only_mapping_is_efault_even_for_a_guest_that_only_reads) {
  expect_refused_on_touch(Backing::anonymous_read_only(page_size()),
                          {.explained = EFAULT, .bare = EFAULT});
}

CONTRACT_TEST(ContractBacking, slot_over_nothing_at_all_is_efault) {
  Backing window = Backing::anonymous(page_size());
  Guest guest;
  guest.back_window(window);
  ASSERT_EQ(guest.command(Command::BootState), answer(0));

  window.unmap();

  expect_failure(guest, guest.read(Guest::kWindow), {.explained = EFAULT, .bare = EFAULT},
                 Guest::kWindow);
}

}  // namespace
}  // namespace redoubt::suite
