// SPDX-License-Identifier: Apache-2.0
//
// Before it pins a page the handler has the owner pay for it: in locked memory, within its limit
// unless CAP_IPC_LOCK in the initial user namespace lets it pass.
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>

#include <linux/capability.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/board/suite/support/donation.h"
#include "tests/board/suite/support/fault_path.h"
#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/isolated.h"

namespace redoubt::suite {
namespace {

constexpr Failure kOverLimit{.explained = ENOMEM, .bare = ENOMEM};
const std::string kChargeRefused = "top up 0, charge 1 ENOMEM";

// A guest that holds as much as it may, and has a window of which it has touched nothing.
struct AtLimit {
  FolioMemory window = FolioMemory::small_pages(8 * page_size());
  Guest guest;
  uint64_t held;

  AtLimit() {
    window.number_pages();
    back_window(guest, window);
    EXPECT_EQ(guest.command(Command::BootState), answer(0));
    held = locked_bytes();
    limit_locked_memory(held);
  }

  void expect_refused() {
    const FaultPath path({"capable"});
    expect_failure(guest, guest.read(Guest::window_page(3)), kOverLimit, Guest::window_page(3));
    EXPECT_EQ(path.steps(), kChargeRefused);
    EXPECT_EQ(capability_asked_for(path), "IPC_LOCK: no");
    EXPECT_EQ(locked_bytes(), held);
  }

  // The access that was refused goes through once there is room for one page more.
  void expect_resumed_with_room() {
    limit_locked_memory(held + page_size());
    const FaultPath path;
    EXPECT_EQ(guest.resume(), answer(FolioMemory::number_of(3)));
    EXPECT_EQ(path.steps(), kPageGiven);
    EXPECT_EQ(locked_bytes(), held + page_size());
  }

  // What the handler was told about CAP_IPC_LOCK in the initial namespace.
  static std::string capability_asked_for(const FaultPath& path) {
    std::string all;
    for (const Probe::Call& call : path.probe().calls()) {
      if (call.function != "capable" || call.arguments[0] != CAP_IPC_LOCK) continue;
      all += (call.returned & 0xff) != 0 ? "IPC_LOCK: yes" : "IPC_LOCK: no";
    }
    return all;
  }
};

CONTRACT_TEST(FaultsCharge, limit_exceeded_then_raised_and_resumed) {
  AtLimit at;
  drop_ipc_lock();
  at.expect_refused();
  at.expect_refused();

  at.expect_resumed_with_room();
}

CONTRACT_TEST(FaultsCharge, cap_ipc_lock_of_the_initial_namespace_passes_the_limit) {
  if (!has_ipc_lock()) throw Unavailable("run without CAP_IPC_LOCK");
  AtLimit at;
  const FaultPath path({"capable"});

  EXPECT_EQ(at.guest.read(Guest::window_page(3)), answer(FolioMemory::number_of(3)));

  EXPECT_EQ(path.steps(), kPageGiven);
  EXPECT_EQ(AtLimit::capability_asked_for(path), "IPC_LOCK: yes");
  EXPECT_EQ(locked_bytes(), at.held + page_size());
}

// The process has every capability there is, in a namespace of its own.
CONTRACT_TEST(FaultsCharge, cap_ipc_lock_of_another_namespace_does_not) {
  AtLimit at;
  if (::unshare(CLONE_NEWUSER) != 0) throw Unavailable("this host has no user namespaces");
  ASSERT_TRUE(has_ipc_lock());

  at.expect_refused();

  // Raising the soft limit needs no capability.
  at.expect_resumed_with_room();
}

// mlock() and the guest each pay for the page.
CONTRACT_TEST(FaultsCharge, page_that_is_mlocked_is_charged_again) {
  AtLimit at;
  drop_ipc_lock();
  limit_locked_memory(at.held + page_size());
  ASSERT_EQ(::mlock(at.window.page(3), page_size()), 0) << std::strerror(errno);
  at.held = locked_bytes();

  at.expect_refused();

  at.expect_resumed_with_room();
}

}  // namespace
}  // namespace redoubt::suite
