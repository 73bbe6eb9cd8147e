// SPDX-License-Identifier: Apache-2.0
//
// Memory that is pinned and then found not to be backed by swap: the kernel would write it back, or
// has no notion of losing sight of it. It goes back unharmed.
#include <cerrno>
#include <cstdint>
#include <cstring>

#include <linux/kernel-page-flags.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/board/suite/support/donation.h"
#include "tests/board/suite/support/fault_path.h"
#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/isolated.h"
#include "tests/board/suite/support/page_map.h"

namespace redoubt::suite {
namespace {

constexpr uint64_t kWord = 0x6e6f'7420'6d69'6e65;
constexpr Failure kNotGiven{.explained = EFAULT, .bare = EIO};

void expect_wrong_kind(Guest& guest, uint64_t address) {
  const uint64_t locked = locked_bytes();
  const int64_t pinned = pinned_pages();
  const FaultPath path;

  const Outcome outcome = guest.read(address);

  expect_failure(guest, outcome, kNotGiven, address);
  EXPECT_EQ(path.steps(), kWrongKind);
  EXPECT_EQ(locked_bytes(), locked);
  EXPECT_EQ(pinned_pages(), pinned);
}

constexpr uint64_t kMmapAndShared = 3;  // GUEST_MEMFD_FLAG_MMAP | GUEST_MEMFD_FLAG_INIT_SHARED

// The page cache of a guest_memfd: nearly all other files' is refused by the pin, for there is
// somebody to be told when it is written.
CONTRACT_TEST(FaultsKind, page_cache) {
  Guest guest;
  kvm_create_guest_memfd request{};
  request.size = page_size();
  request.flags = kMmapAndShared;
  const UniqueFd file(::ioctl(guest.vm().fd().get(), KVM_CREATE_GUEST_MEMFD, &request));
  if (!file.valid()) throw Unavailable("this host's guest_memfd cannot be mapped");
  const FolioMemory window = FolioMemory::small_pages(8 * page_size());
  ASSERT_EQ(::mmap(window.page(3), page_size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
                   file.get(), 0),
            window.page(3))
      << std::strerror(errno);
  std::memcpy(window.page(3), &kWord, sizeof kWord);
  back_window(guest, window);
  ASSERT_EQ(guest.command(Command::BootState), answer(0));

  expect_wrong_kind(guest, Guest::window_page(3));

  uint64_t word = 0;
  std::memcpy(&word, window.page(3), sizeof word);
  EXPECT_EQ(word, kWord);
}

void expect_hugetlb_is_the_wrong_kind(const Backing& window) {
  window.write_word(3, kWord);
  Guest guest;
  guest.back_window(window);
  ASSERT_EQ(guest.command(Command::BootState), answer(0));

  expect_wrong_kind(guest, Guest::window_page(3));

  EXPECT_EQ(window.read_word(3), kWord);
}

CONTRACT_TEST(FaultsKind, hugetlb_page) {
  expect_hugetlb_is_the_wrong_kind(Backing::hugetlb_anonymous());
}

CONTRACT_TEST(FaultsKind, hugetlb_page_of_a_memfd) {
  expect_hugetlb_is_the_wrong_kind(Backing::hugetlb_memfd());
}

bool is_swap_backed(const std::byte* page) {
  return (page_flags(page_state(page).frame) & uint64_t{1} << KPF_SWAPBACKED) != 0;
}

// Anonymous memory after MADV_FREE is not swap-backed either, for the time being. The stock handler
// takes it for page cache.
CONTRACT_TEST(FaultsKind, anonymous_memory_that_was_freed_lazily) {
  const FolioMemory window = FolioMemory::small_pages(8 * page_size());
  Guest guest;
  back_window(guest, window);
  ASSERT_EQ(guest.command(Command::BootState), answer(0));
  for (int i = 0; i < 100 && is_swap_backed(window.page(3)); ++i) {
    empty_page_batches();  // of new pages, which are left out
    ASSERT_EQ(::madvise(window.data(), window.size(), MADV_FREE), 0) << std::strerror(errno);
    empty_page_batches();  // of freed ones
  }
  ASSERT_FALSE(is_swap_backed(window.page(3)));
  std::memcpy(window.page(3), &kWord, sizeof kWord);
  if (!explains_faults(guest)) {
    expect_wrong_kind(guest, Guest::window_page(3));
    return;
  }

  const FaultPath path;
  EXPECT_EQ(guest.read(Guest::window_page(3)), answer(kWord));
  EXPECT_EQ(path.steps(), kPageGiven);
}

}  // namespace
}  // namespace redoubt::suite
