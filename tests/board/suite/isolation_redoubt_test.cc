// SPDX-License-Identifier: Apache-2.0
//
// The access matrix for a running redoubt: what becomes of its guest, and with which exit code it
// ends, when somebody else on the host gets at a page. What redoubt would have to do itself to its
// guest's memory (vmsplice, O_DIRECT, registered buffers, splices of the memfd) it never does; its
// own loads and stores are what suite hostile is about.
#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/board/suite/isolation_operations.h"
#include "tests/board/suite/support/backing.h"
#include "tests/board/suite/support/donation.h"
#include "tests/board/suite/support/grid.h"
#include "tests/board/suite/support/guest_ram.h"
#include "tests/board/suite/support/injected_call.h"
#include "tests/board/suite/support/ksm.h"
#include "tests/board/suite/support/needs.h"
#include "tests/board/suite/support/redoubt_process.h"
#include "tests/board/suite/support/scratch_folder.h"
#include "tests/board/suite/support/zram_disk.h"

namespace redoubt::suite {
namespace {

constexpr uint64_t kRam = 0x4000'0000;  // where the guest has what guest_ram_of() finds

// SAFETY: the address as the number that it is in its process.
uint64_t address_of(const Page& page) { return reinterpret_cast<uintptr_t>(page.data); }

// Calls that redoubt is made to make, as a fault of its own would.
Sight call_in_redoubt(const Page& page, long number, const std::array<uint64_t, 6>& arguments) {
  const int64_t result = call_in(page.pid, number, arguments);
  return {.error = result < 0 ? static_cast<int>(-result) : 0};
}
Sight redoubt_writes_it(const Page& page) {
  return call_in_redoubt(page, SYS_write, {STDOUT_FILENO, address_of(page), sizeof kWord});
}
Sight redoubt_reads_into_it(const Page& page) {
  return call_in_redoubt(page, SYS_getrandom, {address_of(page), sizeof kWord, 0});
}
Sight redoubt_pages_it_out(const Page& page) {
  constexpr size_t kSwap = 16 << 20;
  const SwapSpace swap(kSwap);
  return call_in_redoubt(page, SYS_madvise, {address_of(page), page_size(), MADV_PAGEOUT});
}
Sight redoubt_lets_it_be_merged(const Page& page) {
  const Sight sight =
      call_in_redoubt(page, SYS_madvise, {address_of(page), page_size(), MADV_MERGEABLE});
  let_ksm_scan();
  return sight;
}

constexpr int kOff = 0;        // the guest reads on, and powers off when it is told to
constexpr int kPoisoned = 70;  // HARM: the guest is lost; redoubt says so, and why

constexpr bool kMayFail = true;

struct Row {
  const char* operation;
  Sight (*operate)(const Page& page);
  int is_private;
  int shared;
  int unshared_again;
  int never_touched;
  bool may_fail = false;        // with EFAULT, where the page is the guest's alone
  int with_series = kPoisoned;  // in the place of kPoisoned, on a kernel with the series
};

// clang-format off
#define OF(operation) #operation, operation
constexpr Row kMatrix[] = {
    // operation                        private    shared unshared   never
    //                                                    again      touched
    {OF(read_by_process_vm),            kPoisoned, kOff,  kPoisoned, kOff},
    {OF(write_by_process_vm),           kPoisoned, kOff,  kPoisoned, kOff},
    {OF(peek_by_ptrace),                kPoisoned, kOff,  kPoisoned, kOff},
    {OF(poke_by_ptrace),                kPoisoned, kOff,  kPoisoned, kOff},
    {OF(read_of_proc_mem),              kPoisoned, kOff,  kPoisoned, kOff},
    {OF(write_to_proc_mem),             kPoisoned, kOff,  kPoisoned, kOff},
    {OF(read_of_kcore),                 kOff,      kOff,  kOff,      kOff},
    {OF(redoubt_writes_it),             kOff,      kOff,  kOff,      kOff, kMayFail},
    {OF(redoubt_reads_into_it),         kOff,      kOff,  kOff,      kOff, kMayFail},
    {OF(redoubt_pages_it_out),          kOff,      kOff,  kOff,      kOff},
    {OF(compaction),                    kOff,      kOff,  kOff,      kOff},
    // Only a debugger can bring this about: redoubt takes itself out of KSM's reach.
    {OF(redoubt_lets_it_be_merged),     kPoisoned, kOff,  kPoisoned, kOff, !kMayFail, kOff},
};
#undef OF
// clang-format on

struct State {
  const char* name;
  int Row::*expected;
  const char* keys;   // that bring it about
  const char* said;   // when it is
  const char* which;  // page of the guest's
  char look;          // the key that has the guest look at that page
  bool guests_alone;
};

constexpr State kStates[] = {
    {"private", &Row::is_private, "", "ready", "page ", 'l', true},
    {"shared", &Row::shared, "s", "share: done", "page ", 'l', false},
    {"unshared_again", &Row::unshared_again, "su", "unshare: done", "page ", 'l', true},
    {"never_touched", &Row::never_touched, "", "ready", "untouched ", 't', false},
};

// Where redoubt has the page of which the guest has told the address.
Page page_of(const RedoubtProcess& redoubt, const std::string& which) {
  const size_t at = redoubt.output().find(which + "0x");
  const uint64_t ipa = std::stoull(redoubt.output().substr(at + which.size()), nullptr, 16);
  const uintptr_t start = guest_ram_of(redoubt.pid()).start;
  // SAFETY: an address in the other process, which nobody follows in this one.
  return {redoubt.pid(), reinterpret_cast<std::byte*>(start + (ipa - kRam)), BorrowedFd(-1)};
}

Launch share_guest() {
  return {.arguments = run_flat("share-flat.bin", true, {"--set=memory.hugepages=never"})};
}

class IsolationRedoubt : public testing::TestWithParam<GridCell> {};

TEST_P(IsolationRedoubt, exit_code_after) {
  REDOUBT_NEEDS_KVM(true);
  if (::geteuid() != 0) GTEST_SKIP() << "reaching into another process needs root";
  const Row& row = kMatrix[GetParam().row];
  const State& state = kStates[GetParam().state];
  RedoubtProcess redoubt(share_guest());
  ASSERT_TRUE(redoubt.wait_for("share: ready")) << redoubt.output();
  redoubt.type(state.keys);
  ASSERT_TRUE(redoubt.wait_for(state.said)) << redoubt.output();

  try {
    const Sight sight = row.operate(page_of(redoubt, state.which));
    EXPECT_EQ(sight.error, row.may_fail && state.guests_alone ? EFAULT : 0);
  } catch (const Unavailable& reason) {
    GTEST_SKIP() << reason.what();
  }
  redoubt.type(std::string(1, state.look));
  redoubt.type("q");

  int expected = row.*state.expected;
  if (expected == kPoisoned && protected_vms_have(KVM_CAP_MEMORY_FAULT_INFO)) {
    expected = row.with_series;
  }
  EXPECT_EQ(redoubt.wait_exit(), expected) << redoubt.output();
  EXPECT_EQ(redoubt.says("guest-memory-poisoned"), expected == kPoisoned) << redoubt.output();
  if (expected == kOff &&
      (state.name == std::string("private") || state.name == std::string("unshared_again"))) {
    EXPECT_TRUE(redoubt.says("page: as it was")) << redoubt.output();
  }
}

std::string name_of(const testing::TestParamInfo<GridCell>& cell) {
  return grid_name(kMatrix[cell.param.row], kStates[cell.param.state]);
}

INSTANTIATE_TEST_SUITE_P(Isolation, IsolationRedoubt,
                         testing::ValuesIn(grid_cells(std::size(kMatrix), std::size(kStates))),
                         name_of);

// What KSM, a fork and a core dump go by, of every mapping that is the guest's.
TEST(IsolationLeftOut, guest_memory_is_out_of_reach_of_ksm_forks_and_core_dumps) {
  REDOUBT_NEEDS_KVM(true);
  RedoubtProcess redoubt(share_guest());
  ASSERT_TRUE(redoubt.wait_for("share: ready")) << redoubt.output();
  const Page page = page_of(redoubt, "page ");

  std::ifstream maps("/proc/" + std::to_string(redoubt.pid()) + "/smaps");
  bool inside = false;
  std::string flags;
  for (std::string line; flags.empty() && std::getline(maps, line);) {
    const size_t dash = line.find('-');
    if (dash != std::string::npos && dash < line.find(' ')) {
      inside = std::stoull(line, nullptr, 16) <= address_of(page) &&
               address_of(page) < std::stoull(line.substr(dash + 1), nullptr, 16);
    } else if (inside && line.starts_with("VmFlags:")) {
      flags = line + " ";
    }
  }

  EXPECT_NE(flags.find(" dc "), std::string::npos) << flags;
  EXPECT_NE(flags.find(" dd "), std::string::npos) << flags;
  EXPECT_EQ(flags.find(" mg "), std::string::npos) << flags;
}

TEST(IsolationLeftOut, core_of_redoubt_has_nothing_of_the_guest_and_nothing_is_left_of_it) {
  REDOUBT_NEEDS_KVM(true);
  if (::geteuid() != 0) GTEST_SKIP() << "the name of cores is root's to choose";
  constexpr uint64_t kMostOfACore = 16 << 20;
  const ScratchFolder folder;
  const Setting pattern("/proc/sys/kernel/core_pattern", folder / "core");
  const Setting no_number("/proc/sys/kernel/core_uses_pid", "0");
  Launch launch = share_guest();
  launch.prepare = [] {
    const rlimit all{RLIM_INFINITY, RLIM_INFINITY};
    ::setrlimit(RLIMIT_CORE, &all);
  };
  const HostMemory before = host_memory();
  RedoubtProcess redoubt(launch);
  ASSERT_TRUE(redoubt.wait_for("share: ready")) << redoubt.output();
  const Page page = page_of(redoubt, "page ");

  redoubt.signal(SIGABRT);

  EXPECT_EQ(redoubt.wait_exit(), 128 + SIGABRT) << redoubt.output();
  EXPECT_EQ(word_in_core(folder / "core", page.data), std::nullopt);
  EXPECT_LT(std::filesystem::file_size(folder / "core"), kMostOfACore);
  EXPECT_EQ(host_memory(), before);
}

}  // namespace
}  // namespace redoubt::suite
