// SPDX-License-Identifier: Apache-2.0
//
// Memory that fails. Before the page is the guest's the pin finds out, and the VMM is told by a
// signal where and how large it is. Afterwards the VMM is told, but the guest keeps the page: KVM
// does not hear of it.
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <string>

#include <linux/kvm.h>
#include <sys/mman.h>

#include "tests/board/suite/support/donation.h"
#include "tests/board/suite/support/fault_path.h"
#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/isolated.h"
#include "tests/board/suite/support/page_map.h"
#include "tests/board/suite/support/private_mount.h"

namespace redoubt::suite {
namespace {

constexpr uint64_t kWord = 0x7374'696c'6c20'6865;

struct Told {
  volatile sig_atomic_t count;
  volatile int code;
  const void* volatile address;
  volatile size_t size;
};
Told g_told;

void listen() {
  struct sigaction action {};
  action.sa_flags = SA_SIGINFO;
  action.sa_sigaction = [](int, siginfo_t* info, void*) {
    g_told.count = g_told.count + 1;
    g_told.code = info->si_code;
    g_told.address = info->si_addr;
    g_told.size = size_t{1} << info->si_addr_lsb;
  };
  ASSERT_EQ(::sigaction(SIGBUS, &action, nullptr), 0);
}

void forget() {
  g_told.count = 0;
  g_told.code = 0;
  g_told.address = nullptr;
  g_told.size = 0;
}

// A page that has failed. To be made before the memory: when that is gone the host has the page
// back, if its kernel can do that (CONFIG_HWPOISON_INJECT). Else it is out of use until the next
// boot.
class FailedPage {
 public:
  FailedPage() = default;
  ~FailedPage() {
    if (frame_ != 0) write_file(debugfs_ / "hwpoison/unpoison-pfn", std::to_string(frame_));
  }
  FailedPage(const FailedPage&) = delete;
  FailedPage& operator=(const FailedPage&) = delete;

  void make_of(const FolioMemory& memory, size_t page) {
    frame_ = page_state(memory.page(page)).frame;
    listen();
    forget();
    if (::madvise(memory.page(page), page_size(), MADV_HWPOISON) != 0) {
      throw Unavailable("this host cannot make memory fail (CONFIG_MEMORY_FAILURE, root)");
    }
  }

 private:
  PrivateMount debugfs_{"debugfs"};
  uint64_t frame_ = 0;
};

CONTRACT_TEST(FaultsError, memory_that_failed_before_it_was_given) {
  FailedPage failed;
  const FolioMemory window = FolioMemory::small_pages(8 * page_size());
  Guest guest;
  back_window(guest, window);
  ASSERT_EQ(guest.command(Command::BootState), answer(0));
  const uint64_t locked = locked_bytes();
  failed.make_of(window, 3);
  forget();  // the error itself may already have been told
  const FaultPath path;

  const Outcome outcome = guest.read(Guest::window_page(3) + 0x40);

  EXPECT_EQ(outcome.error, EINTR) << outcome;
  EXPECT_EQ(outcome.exit_reason, unsigned{KVM_EXIT_INTR}) << outcome;
  EXPECT_EQ(path.steps(), explains_faults(guest)
                              ? "top up 0, charge 1 0, pin EHWPOISON, uncharge 1, signal"
                              : "top up 0, charge 1 0, pin EHWPOISON, signal, uncharge 1");
  EXPECT_EQ(g_told.count, 1);
  EXPECT_EQ(g_told.code, BUS_MCEERR_AR);
  EXPECT_EQ(g_told.address, window.page(3));
  EXPECT_EQ(g_told.size, page_size());
  EXPECT_EQ(locked_bytes(), locked);
  EXPECT_EQ(guest.resume(), outcome);
  EXPECT_EQ(g_told.count, 2) << "as often as it is tried";
}

CONTRACT_TEST(FaultsError, memory_that_failed_after_it_was_given) {
  FailedPage failed;
  const FolioMemory window = FolioMemory::small_pages(8 * page_size());
  Guest guest;
  back_window(guest, window);
  ASSERT_EQ(guest.write(Guest::window_page(3), kWord), answer(0));
  const uint64_t locked = locked_bytes();
  const FaultPath path({"pkvm_force_reclaim_guest_page"});

  failed.make_of(window, 3);

  EXPECT_EQ(g_told.count, 1);
  EXPECT_EQ(g_told.address, window.page(3));
  EXPECT_EQ(g_told.size, page_size());
  EXPECT_EQ(guest.read(Guest::window_page(3)), answer(kWord)) << "nobody has told the guest";
  EXPECT_EQ(path.donations(), std::vector<Donation>{});
  EXPECT_EQ(path.probe().count("pkvm_force_reclaim_guest_page"), 0u);
  EXPECT_EQ(locked_bytes(), locked);
}

}  // namespace
}  // namespace redoubt::suite
