// SPDX-License-Identifier: Apache-2.0
//
// What the hypervisor says to a host that does not keep to the rules of donation. Each refusal must
// leave everything as it was: all or nothing.
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

#include <sys/mman.h>

#include "tests/board/suite/support/donation.h"
#include "tests/board/suite/support/host_access.h"
#include "tests/board/suite/support/host_hypercall.h"
#include "tests/board/suite/support/isolated.h"
#include "tests/board/suite/support/page_map.h"

namespace redoubt::suite {
namespace {

constexpr std::string_view kDonate = "__pkvm_host_donate_guest";
constexpr std::string_view kForceReclaim = "__pkvm_force_reclaim_guest_page";
constexpr std::string_view kReclaimDying = "__pkvm_reclaim_dying_guest_page";
constexpr uint64_t kTablePages = 512;  // pages that one last-level table describes
constexpr uint64_t kWord = 0x0123'4567'89ab'cdef;

// A guest with one table of memory and all that the hypervisor needs for more of it, and beside it
// a huge page of the host's, of which the guest was never meant to have anything.
class Trespass {
 public:
  explicit Trespass(Protection protection = Protection::Protected)
      : guest(protection), prey(FolioMemory::huge_pages(kHugePage)), calls(guest.vm().fd()) {
    if (protection == Protection::Protected && !statistic(guest.vm().fd(), "pkvm_donate_calls")) {
      throw Unavailable("this kernel donates by the page");
    }
    back_window(guest, own_);
    EXPECT_EQ(guest.write(Guest::window_page(0), kWord), answer(0));
    // Makes the host fill up what the first page's tables were made of.
    EXPECT_EQ(guest.write(Guest::window_page(1), kWord), answer(0));
    prey.number_pages();
    EXPECT_EQ(::mlock(prey.data(), prey.size()), 0);
    frame = page_state(prey.data()).frame;
  }
  Trespass(const Trespass&) = delete;
  Trespass& operator=(const Trespass&) = delete;
  ~Trespass() { EXPECT_TRUE(take_back()); }

  int64_t donate(uint64_t first_frame, uint64_t gfn, uint64_t pages) {
    return calls.call(kDonate, {first_frame, gfn, pages});
  }

  // The host must not end without the pages that it gave away behind its own back.
  bool take_back() {
    for (size_t index = 0; index < kTablePages; ++index) {
      if (host_load(prey.page(index)).went_through()) continue;
      if (calls.call(kForceReclaim, {(frame + index) * page_size()}) != 0) return false;
    }
    return true;
  }

  // That the host can read every page of its own, and the guest every page of its own.
  void expect_unchanged() {
    for (size_t index = 0; index < kTablePages; ++index) {
      ASSERT_TRUE(host_load(prey.page(index)).went_through()) << "page " << index;
      uint64_t word = 0;
      std::memcpy(&word, prey.page(index), sizeof word);
      ASSERT_EQ(word, FolioMemory::number_of(index));
    }
    EXPECT_EQ(guest.read(Guest::window_page(0)), answer(kWord));
    EXPECT_EQ(guest.read(Guest::window_page(1)), answer(kWord));
    EXPECT_EQ(guest.write(Guest::window_page(2), kWord), answer(0)) << "no page can be given";
  }

 private:
  FolioMemory own_ = FolioMemory::small_pages(8 * page_size());

 public:
  Guest guest;
  FolioMemory prey;
  HostHypercall calls;
  uint64_t frame;
};

// A guest address that nothing is at, in the table that the guest has.
const uint64_t kFree = Guest::kWindow / 4096 + 100;

CONTRACT_TEST(DonateHypercall, range_that_breaks_no_rule_is_given_and_can_be_taken_back) {
  Trespass host;

  ASSERT_EQ(host.donate(host.frame + 1, kFree, 3), 0);

  EXPECT_TRUE(host_load(host.prey.page(0)).went_through());
  for (size_t index = 1; index < 4; ++index) {
    EXPECT_EQ(host_load(host.prey.page(index)).signal, SIGSEGV);
  }
  EXPECT_TRUE(host_load(host.prey.page(4)).went_through());
  EXPECT_EQ(host.guest.read((kFree + 2) * page_size()), answer(FolioMemory::number_of(3)));
  EXPECT_TRUE(host.take_back());
  EXPECT_EQ(host_load(host.prey.page(1)).value, 0);
}

CONTRACT_TEST(DonateHypercall, length_that_no_table_has) {
  Trespass host;

  for (const uint64_t pages : {uint64_t{0}, kTablePages + 1, uint64_t{1} << 52, ~uint64_t{0}}) {
    EXPECT_EQ(host.donate(host.frame, kFree, pages), -EINVAL) << pages;
  }

  host.expect_unchanged();
}

CONTRACT_TEST(DonateHypercall, frames_that_are_no_memory) {
  Trespass host;
  constexpr uint64_t kGic = 0x0800'0000 / 4096;

  for (const uint64_t frame : {kGic, uint64_t{1} << 40, ~uint64_t{0}, ~uint64_t{0} - 2}) {
    EXPECT_LT(host.donate(frame, kFree, 4), 0) << frame;
  }

  host.expect_unchanged();
}

CONTRACT_TEST(DonateHypercall, guest_addresses_beyond_the_largest) {
  Trespass host;

  for (const uint64_t gfn : {uint64_t{1} << 40, uint64_t{1} << 52, ~uint64_t{0} - 1}) {
    EXPECT_EQ(host.donate(host.frame, gfn, 2), -ERANGE) << gfn;
  }

  host.expect_unchanged();
}

CONTRACT_TEST(DonateHypercall, range_over_the_edge_of_a_table) {
  Trespass host;
  const uint64_t last = Guest::kWindow / 4096 + kTablePages - 1;

  EXPECT_EQ(host.donate(host.frame, last, 2), -EINVAL);
  EXPECT_EQ(host.donate(host.frame, kFree, kTablePages), -EINVAL);

  host.expect_unchanged();
}

CONTRACT_TEST(DonateHypercall, one_page_of_the_range_is_not_the_hosts) {
  Trespass host;
  const uint64_t elsewhere = kFree + 50;
  ASSERT_EQ(host.donate(host.frame + 2, elsewhere, 1), 0);

  for (uint64_t first = 0; first <= 2; ++first) {
    EXPECT_EQ(host.donate(host.frame + first, kFree, 3), -EPERM) << "from page " << first;
  }

  for (const size_t index : {0, 1, 3, 4}) {
    EXPECT_TRUE(host_load(host.prey.page(index)).went_through()) << "page " << index;
  }
  EXPECT_EQ(host.guest.read(elsewhere * page_size()), answer(FolioMemory::number_of(2)));
}

CONTRACT_TEST(DonateHypercall, one_address_of_the_range_is_taken) {
  Trespass host;
  const uint64_t taken = kFree + 2;
  ASSERT_EQ(host.donate(host.frame + 100, taken, 1), 0);

  for (uint64_t first = 0; first <= 2; ++first) {
    EXPECT_EQ(host.donate(host.frame, taken - first, 3), -EPERM) << first << " pages before";
  }

  for (size_t index = 0; index < 3; ++index) {
    EXPECT_TRUE(host_load(host.prey.page(index)).went_through()) << "page " << index;
  }
  EXPECT_EQ(host.guest.read(taken * page_size()), answer(FolioMemory::number_of(100)));
}

CONTRACT_TEST(DonateHypercall, page_that_the_hypervisor_shares) {
  Trespass host;
  ASSERT_EQ(host.calls.call("__pkvm_host_share_hyp", {host.frame + 1}), 0);

  EXPECT_EQ(host.donate(host.frame, kFree, 3), -EPERM);

  EXPECT_EQ(host.calls.call("__pkvm_host_unshare_hyp", {host.frame + 1}), 0);
  host.expect_unchanged();
}

CONTRACT_TEST(DonateHypercall, no_memory_for_the_tables) {
  Trespass host;
  const uint64_t other_table = kFree + kTablePages;
  ASSERT_EQ(host.donate(host.frame, other_table, 1), 0);

  EXPECT_EQ(host.donate(host.frame + 1, other_table + 1, 2), -ENOMEM);

  EXPECT_TRUE(host_load(host.prey.page(1)).went_through());
  EXPECT_TRUE(host_load(host.prey.page(2)).went_through());
}

CONTRACT_TEST(DonateHypercall, vm_that_is_not_protected) {
  Trespass host(Protection::Unprotected);

  EXPECT_EQ(host.donate(host.frame, kFree, 1), -EINVAL);

  host.expect_unchanged();
}

CONTRACT_TEST(DonateHypercall, vcpu_that_there_is_not) {
  Trespass host;
  HostHypercall nobody(host.guest.vm().fd(), 7);

  EXPECT_EQ(nobody.call(kDonate, {host.frame, kFree, 1}), -EINVAL);

  host.expect_unchanged();
}

CONTRACT_TEST(DonateHypercall, memory_of_a_vm_that_lives_is_not_reclaimed) {
  Trespass host;
  const uint64_t gfn = Guest::kWindow / page_size();

  for (const uint64_t pages : {uint64_t{1}, uint64_t{2}, kTablePages, ~uint64_t{0}}) {
    EXPECT_LT(host.calls.call_about_vm(kReclaimDying, {gfn, pages}), 0) << pages;
  }

  host.expect_unchanged();
}

CONTRACT_TEST(DonateHypercall, memory_of_a_vm_that_there_is_not_is_not_reclaimed) {
  Trespass host;

  for (const uint64_t handle : {uint64_t{0}, uint64_t{0x1fff}, ~uint64_t{0}}) {
    EXPECT_LT(host.calls.call(kReclaimDying, {handle, kFree, 1}), 0) << handle;
  }

  host.expect_unchanged();
}

CONTRACT_TEST(DonateHypercall, what_no_guest_has_is_not_taken_by_force) {
  Trespass host;

  for (const uint64_t address :
       {host.frame * page_size(), uint64_t{0x0800'0000}, uint64_t{1} << 51, ~uint64_t{0}}) {
    EXPECT_LT(host.calls.call(kForceReclaim, {address}), 0) << std::hex << address;
  }

  host.expect_unchanged();
}

CONTRACT_TEST(DonateHypercall, protected_guest_is_not_lent_memory_as_others_are) {
  Trespass host;
  constexpr uint64_t kReadWrite = 3;

  EXPECT_EQ(host.calls.call("__pkvm_host_share_guest", {host.frame, kFree, 1, kReadWrite}),
            -EINVAL);
  EXPECT_LT(
      host.calls.call_about_vm("__pkvm_host_unshare_guest", {Guest::kWindow / page_size(), 1}), 0);

  host.expect_unchanged();
}

}  // namespace
}  // namespace redoubt::suite
