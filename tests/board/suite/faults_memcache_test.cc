// SPDX-License-Identifier: Apache-2.0
//
// The handler's first step fails: there is no memory for what it keeps about the page, or for the
// guest's page tables. Any kernel can be brought to it by a memory cgroup that is full, one built
// with fault injection by letting an allocation fail as well.
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "tests/board/suite/support/donation.h"
#include "tests/board/suite/support/fault_path.h"
#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/isolated.h"
#include "tests/board/suite/support/memory_cgroup.h"
#include "tests/board/suite/support/private_mount.h"

namespace redoubt::suite {
namespace {

constexpr size_t kPages = 256;
constexpr Failure kNoMemory{.explained = ENOMEM, .bare = ENOMEM};
const std::string kTopUpFails = "top up ENOMEM";

struct Booted : Guest {
  explicit Booted(const FolioMemory& window) {
    window.number_pages();
    suite::back_window(*this, window);
    EXPECT_EQ(command(Command::BootState), answer(0));
  }
};

CONTRACT_TEST(FaultsMemcache, no_memory_left_in_the_cgroup_until_there_is) {
  const FolioMemory window = FolioMemory::small_pages(kPages * page_size());
  Booted guest(window);
  MemoryCgroup cgroup;
  const FaultPath path({"try_charge_memcg"});

  // What was charged ahead is used up first: less than a page, of 64 bytes for each.
  size_t page = 0;
  Outcome outcome = answer(0);
  {
    const MemoryCgroup::Full full(cgroup);
    while (outcome.error == 0 && page < kPages) outcome = guest.read(Guest::window_page(page++));
  }
  const uint64_t address = Guest::window_page(page - 1);

  expect_failure(guest, outcome, kNoMemory, address);
  const std::string steps = path.steps();
  EXPECT_EQ(steps.substr(steps.size() - std::min(steps.size(), kTopUpFails.size())), kTopUpFails);
  EXPECT_GE(path.probe().count("try_charge_memcg"), 1u);
  EXPECT_EQ(guest.resume(), answer(FolioMemory::number_of(page - 1)));
}

// Lets one allocation of the calling thread's fail, the Nth from now on; what waits for memory and
// what is charged to somebody included, and without a word in the kernel's log.
class FailingAllocation {
 public:
  FailingAllocation() = default;
  ~FailingAllocation() { set(0); }
  FailingAllocation(const FailingAllocation&) = delete;
  FailingAllocation& operator=(const FailingAllocation&) = delete;

  void set(unsigned nth) const {
    const std::string text = std::to_string(nth);
    ASSERT_EQ(::pwrite(file_.get(), text.data(), text.size(), 0),
              static_cast<ssize_t>(text.size()));
  }
  // False if there were fewer allocations than that.
  [[nodiscard]] bool has_failed() const {
    char text[16] = "";
    return ::pread(file_.get(), text, sizeof text - 1, 0) > 0 &&
           std::strtoul(text, nullptr, 10) == 0;
  }

 private:
  static UniqueFd open_countdown() {
    UniqueFd file(::open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC));
    if (!file.valid()) throw Unavailable("this kernel has no fault injection");
    return file;
  }

  UniqueFd file_ = open_countdown();
  PrivateMount debugfs_{"debugfs"};
  Setting quiet_slab_{debugfs_ / "failslab/verbose", "0"};
  Setting quiet_pages_{debugfs_ / "fail_page_alloc/verbose", "0"};
  Setting any_slab_{debugfs_ / "failslab/ignore-gfp-wait", "N"};
  Setting any_page_{debugfs_ / "fail_page_alloc/ignore-gfp-wait", "N"};
  Setting any_order_{debugfs_ / "fail_page_alloc/min-order", "0"};
  // The kernel counts these down.
  Setting slab_times_{debugfs_ / "failslab/times", "-1"};
  Setting page_times_{debugfs_ / "fail_page_alloc/times", "-1"};
};

// Every allocation on the way of a page into the guest, one after the other. Where the one for the
// handler's own notes fails, so does KVM_RUN; the page comes when it is asked for again.
CONTRACT_TEST(FaultsMemcache, each_allocation_on_the_way_fails_once) {
  const FolioMemory window = FolioMemory::small_pages(kPages * page_size());
  Booted guest(window);
  const FailingAllocation failing;
  const FaultPath path;
  size_t refusals = 0;
  bool more = true;

  for (unsigned nth = 1; more; ++nth) {
    ASSERT_LT(nth, kPages) << "there is always one more allocation";
    const uint64_t address = Guest::window_page(nth);
    const uint64_t locked = locked_bytes();
    path.forget();
    failing.set(nth);
    const Outcome outcome = guest.read(address);
    more = failing.has_failed();
    failing.set(0);
    if (outcome.error == 0) continue;

    ++refusals;
    expect_failure(guest, outcome, kNoMemory, address);
    EXPECT_EQ(path.steps(), kTopUpFails) << "allocation " << nth;
    EXPECT_EQ(locked_bytes(), locked);
    EXPECT_EQ(guest.resume(), answer(FolioMemory::number_of(nth)));
  }

  EXPECT_GE(refusals, 1u);
}

// The list of the other pages of the folio: without it the guest gets the one that it asked for. It
// is one of the allocations for each of these folios; with another missing, the first step fails.
CONTRACT_TEST(FaultsMemcache, no_memory_for_the_rest_of_a_folio_gives_the_page) {
  constexpr size_t kFolios = 8;
  const FolioMemory window = FolioMemory::huge_pages(kFolios * kHugePage);
  Booted guest(window);
  if (!donates_folios(guest)) throw Unavailable("this kernel donates page by page");
  const FailingAllocation failing;
  const FaultPath path;
  size_t pages_alone = 0;

  for (unsigned nth = 1; nth <= kFolios; ++nth) {
    const size_t page = (nth - 1) * 512 + 5;
    path.forget();
    failing.set(nth);
    const Outcome outcome = guest.read(Guest::window_page(page));
    const bool failed = failing.has_failed();
    failing.set(0);
    if (!failed) break;
    if (outcome.error != 0) {
      EXPECT_EQ(path.steps(), kTopUpFails) << "allocation " << nth;
      ASSERT_EQ(guest.resume(), answer(FolioMemory::number_of(page)));
      continue;
    }
    EXPECT_EQ(outcome, answer(FolioMemory::number_of(page)));
    if (path.steps() == kPageGiven) ++pages_alone;
  }

  EXPECT_GE(pages_alone, 1u);
}

}  // namespace
}  // namespace redoubt::suite
