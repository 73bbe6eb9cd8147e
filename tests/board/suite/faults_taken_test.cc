// SPDX-License-Identifier: Apache-2.0
//
// The page is somebody's already: this guest's, because another vCPU was faster or because the host
// has taken it away again; or it is given or lent under another address or to another guest. Linux
// 7.2 warns in its log when the hypervisor refuses a page, unless it is patched; 7.3 does not.
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <thread>

#include "tests/board/suite/support/donation.h"
#include "tests/board/suite/support/fault_path.h"
#include "tests/board/suite/support/host_access.h"
#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/isolated.h"

namespace redoubt::suite {
namespace {

constexpr uint64_t kWord = 0x0123'4567'89ab'cdef;
constexpr uint64_t kElsewhere = Guest::kWindow + 2 * kHugePage;
constexpr size_t kPage = 3;
constexpr Failure kRefused{.explained = EFAULT, .bare = EPERM};

CONTRACT_TEST(FaultsTaken, poisoned_page_touched_again) {
  const FolioMemory window = FolioMemory::small_pages(8 * page_size());
  Guest guest;
  back_window(guest, window);
  ASSERT_EQ(guest.write(Guest::window_page(kPage), kWord), answer(0));
  const uint64_t locked = locked_bytes();
  const FaultPath path({"pkvm_force_reclaim_guest_page"});
  uint64_t word = ~uint64_t{0};
  ASSERT_EQ(read_through_kernel(window.page(kPage), &word), ssize_t{sizeof word});
  EXPECT_EQ(word, 0u);
  EXPECT_EQ(path.probe().count("pkvm_force_reclaim_guest_page"), 1u);

  for (int time = 0; time < 2; ++time) {
    path.forget();
    expect_failure(guest, guest.read(Guest::window_page(kPage)),
                   {.explained = EHWPOISON, .bare = EFAULT}, Guest::window_page(kPage));
    EXPECT_EQ(path.steps(), explains_faults(guest)
                                ? donation_refused("EEXIST") + ", ask why EHWPOISON"
                                : donation_refused("EFAULT"));
  }
  EXPECT_EQ(locked_bytes(), locked);
}

// The other address is one of the same guest's, or one of another guest's.
void expect_refused(Guest& guest, uint64_t address) {
  const uint64_t locked = locked_bytes();
  const size_t log = kernel_log().size();
  const FaultPath path;

  expect_failure(guest, guest.read(address), kRefused, address);

  EXPECT_EQ(path.steps(), donation_refused("EPERM"));
  EXPECT_EQ(locked_bytes(), locked);
  const bool warned = kernel_log().substr(log).find("WARNING") != std::string::npos;
  EXPECT_EQ(warned, kernel_is_before(7, 3) && !explains_faults(guest));
}

CONTRACT_TEST(FaultsTaken, donated_at_another_address) {
  const FolioMemory window = FolioMemory::small_pages(8 * page_size());
  Guest guest;
  back_window(guest, window);
  back(guest, Guest::kWindowSlot + 1, kElsewhere, window.data(), window.size());
  ASSERT_EQ(guest.write(Guest::window_page(kPage), kWord), answer(0));

  expect_refused(guest, kElsewhere + kPage * page_size());
}

CONTRACT_TEST(FaultsTaken, shared_at_another_address) {
  const FolioMemory window = FolioMemory::small_pages(8 * page_size());
  Guest guest;
  back_window(guest, window);
  back(guest, Guest::kWindowSlot + 1, kElsewhere, window.data(), window.size());
  ASSERT_EQ(guest.write(Guest::window_page(kPage), kWord), answer(0));
  ASSERT_EQ(guest.share(Guest::window_page(kPage)), answer(0));

  expect_refused(guest, kElsewhere + kPage * page_size());
}

void expect_page_of_another_vm_refused(bool is_shared) {
  const FolioMemory window = FolioMemory::small_pages(8 * page_size());
  Guest owner;
  back_window(owner, window);
  ASSERT_EQ(owner.write(Guest::window_page(kPage), kWord), answer(0));
  if (is_shared) {
    ASSERT_EQ(owner.share(Guest::window_page(kPage)), answer(0));
  }
  Guest other;
  back_window(other, window);
  ASSERT_EQ(other.command(Command::BootState), answer(0));

  expect_refused(other, Guest::window_page(kPage));

  EXPECT_EQ(owner.read(Guest::window_page(kPage)), answer(kWord));
}

CONTRACT_TEST(FaultsTaken, donated_to_another_vm) { expect_page_of_another_vm_refused(false); }
CONTRACT_TEST(FaultsTaken, shared_by_another_vm) { expect_page_of_another_vm_refused(true); }

// The host lends its pages to a VM that is not protected.
CONTRACT_TEST(FaultsTaken, lent_to_an_unprotected_vm) {
  const FolioMemory window = FolioMemory::small_pages(8 * page_size());
  Guest unprotected(Protection::Unprotected);
  back_window(unprotected, window);
  ASSERT_EQ(unprotected.write(Guest::window_page(kPage), kWord), answer(0));
  Guest guest;
  back_window(guest, window);
  ASSERT_EQ(guest.command(Command::BootState), answer(0));

  expect_refused(guest, Guest::window_page(kPage));

  EXPECT_EQ(unprotected.read(Guest::window_page(kPage)), answer(kWord));
}

// Two vCPUs that go through the same memory side by side, until they have met often enough.
struct Race {
  static constexpr unsigned kVcpus = 2;

  explicit Race(const FolioMemory& memory) : window(memory) {
    window.number_pages();
    back_window(guest, window);
    EXPECT_EQ(guest.hvc(Hypercall::CpuOn, 1, Guest::kRam, 0), answer(0));
    EXPECT_EQ(guest.command(Command::BootState, {}, 1), answer(0));
    locked = locked_bytes();
    pinned = pinned_pages();
  }

  // Each vCPU touches a page of its own out of `pages`, every `step` pages.
  void run(std::array<size_t, kVcpus> offsets, size_t step) {
    const size_t steps = window.size() / page_size() / step;
    const auto touch_all = [&](unsigned vcpu) {
      const uint64_t ipa = Guest::window_page(offsets[vcpu]);
      const Outcome outcome = guest.command(Command::Touch, {ipa, steps, step * page_size()}, vcpu);
      EXPECT_EQ(outcome, answer(0));
    };
    std::thread second([&] { touch_all(1); });
    touch_all(0);
    second.join();
  }

  void expect_cost(const Probe& probe) {
    size_t given = 0;
    for (const Donation& donation : donations_in(probe)) {
      if (donation.returned == 0) given += donation.pages;
    }
    EXPECT_EQ(locked_bytes() - locked, given * page_size());
    EXPECT_EQ(pinned_pages() - pinned, static_cast<int64_t>(given));
  }

  size_t lost(const Probe& probe) {
    const int code = donates_folios(guest) ? -EEXIST : -EAGAIN;
    size_t count = 0;
    for (const Donation& donation : donations_in(probe)) count += donation.returned == code ? 1 : 0;
    return count;
  }

  const FolioMemory& window;
  Guest guest{Protection::Protected, kVcpus};
  uint64_t locked;
  int64_t pinned;
};

CONTRACT_TEST(FaultsTaken, two_vcpus_race_for_a_page) {
  const FolioMemory window = FolioMemory::small_pages(400 * page_size());
  Race race(window);
  const Probe probe({kDonate});

  race.run({0, 0}, 1);

  EXPECT_GE(race.lost(probe), 1u);
  race.expect_cost(probe);
  EXPECT_EQ(locked_bytes() - race.locked, window.size()) << "every page once";
  EXPECT_EQ(race.guest.read(Guest::window_page(399)), answer(FolioMemory::number_of(399)));
}

// Different pages of the same folio: only a kernel that gives folios has anything to lose there.
CONTRACT_TEST(FaultsTaken, two_vcpus_race_for_a_folio) {
  const FolioMemory window = FolioMemory::folios_of_64_kib(100 * (64 << 10));
  Race race(window);
  const Probe probe({kDonate});

  race.run({2, 11}, 16);

  race.expect_cost(probe);
  const bool folios = donates_folios(race.guest);
  EXPECT_EQ(locked_bytes() - race.locked, folios ? window.size() : 2 * 100 * page_size());
  if (folios) {
    EXPECT_GE(race.lost(probe), 1u);
  } else {
    EXPECT_EQ(race.lost(probe), 0u);
  }
  EXPECT_EQ(race.guest.read(Guest::window_page(2)), answer(FolioMemory::number_of(2)));
  EXPECT_EQ(race.guest.read(Guest::window_page(11)), answer(FolioMemory::number_of(11)));
}

}  // namespace
}  // namespace redoubt::suite
