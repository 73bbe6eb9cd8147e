// SPDX-License-Identifier: Apache-2.0
//
// Redoubt itself on a kernel with the series: memory in advance, statistics, and what becomes of a
// guest that memory cannot be given to. On a kernel without, that it says so.
#include <chrono>
#include <csignal>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <linux/kvm.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/board/suite/support/guest_ram.h"
#include "tests/board/suite/support/host_access.h"
#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/injected_call.h"
#include "tests/board/suite/support/kvm_vm.h"
#include "tests/board/suite/support/needs.h"
#include "tests/board/suite/support/redoubt_process.h"
#include "tests/board/suite/support/scratch_folder.h"
#include "tests/sizes.h"

namespace redoubt::suite {
namespace {

constexpr uint64_t kLatePage = 0x4000;  // offset in late-flat.bin of a page that it reads late

bool host_prefaults() { return protected_vms_have(KVM_CAP_PRE_FAULT_MEMORY); }

#define REDOUBT_NEEDS_SERIES() \
  REDOUBT_NEEDS_KVM(true);     \
  if (!host_prefaults()) GTEST_SKIP() << "this kernel is without the series"

class DonateRedoubt : public testing::Test {
 protected:
  [[nodiscard]] std::string report_option() const {
    return "--stats-report=" + (directory_ / "stats.json");
  }

  // What the report has for a key, "null" or a number; empty if it does not have the key.
  [[nodiscard]] std::string reported(const std::string& key) const {
    std::ifstream file(directory_ / "stats.json");
    const std::string wanted = "\"" + key + "\": ";
    for (std::string line; std::getline(file, line);) {
      if (!line.starts_with(wanted)) continue;
      return line.substr(wanted.size(), line.find_last_not_of(',') + 1 - wanted.size());
    }
    return {};
  }
  [[nodiscard]] uint64_t number(const std::string& key) const {
    const std::string text = reported(key);
    if (text.empty() || text == "null") {
      ADD_FAILURE() << "no " << key << ": " << text;
      return ~uint64_t{0};
    }
    return std::stoull(text);
  }

  ScratchFolder directory_;
};

TEST_F(DonateRedoubt, stock_kernel_refuses_prefault_and_says_what_to_do) {
  REDOUBT_NEEDS_KVM(true);
  if (host_prefaults()) GTEST_SKIP() << "this kernel has the series";
  RedoubtProcess redoubt({run_linux({.more = {"--set=memory.prefault=true"}})});

  EXPECT_EQ(redoubt.wait_exit(), 4) << redoubt.output();

  EXPECT_TRUE(redoubt.says("KVM_PRE_FAULT_MEMORY")) << redoubt.output();
  EXPECT_TRUE(redoubt.says("memory.prefault: false")) << redoubt.output();
  EXPECT_FALSE(redoubt.says("Linux version")) << redoubt.output();
}

TEST_F(DonateRedoubt, stock_kernel_counts_by_locked_memory_alone) {
  REDOUBT_NEEDS_KVM(true);
  if (host_prefaults()) GTEST_SKIP() << "this kernel has the series";
  RedoubtProcess redoubt({run_linux({.memory = "64MiB", .more = {report_option()}})});

  EXPECT_EQ(redoubt.wait_exit(), 0) << redoubt.output();

  EXPECT_GT(number("pages_donated"), 500U);
  EXPECT_TRUE(redoubt.says("stats: " + reported("pages_donated") + " pages")) << redoubt.output();
  EXPECT_TRUE(redoubt.says("kernel does not count")) << redoubt.output();
  for (const char* key : {"pages_shared", "pages_poisoned", "donate_calls", "memory_faults"}) {
    EXPECT_EQ(reported(key), "null") << key;
  }
}

TEST_F(DonateRedoubt, unprotected_guest_cannot_have_its_memory_in_advance) {
  REDOUBT_NEEDS_KVM(false);
  RedoubtProcess redoubt(
      {run_linux({.is_protected = false, .more = {"--set=memory.prefault=true"}})});

  EXPECT_EQ(redoubt.wait_exit(), 4) << redoubt.output();
  EXPECT_TRUE(redoubt.says("an unprotected guest")) << redoubt.output();
}

TEST_F(DonateRedoubt, guest_of_huge_pages_boots_with_few_faults) {
  REDOUBT_NEEDS_SERIES();
  RedoubtProcess redoubt({run_linux({.memory = "256MiB", .more = {report_option()}})});

  EXPECT_EQ(redoubt.wait_exit(), 0) << redoubt.output();

  EXPECT_LE(number("memory_faults"), 200U);
  EXPECT_GT(number("memory_faults"), 0U);
  EXPECT_LE(number("donate_calls"), 200U);
  EXPECT_EQ(reported("pages_poisoned"), "0");
}

TEST_F(DonateRedoubt, without_huge_pages_each_page_is_a_fault) {
  REDOUBT_NEEDS_SERIES();
  RedoubtProcess redoubt(
      {run_flat("touch-flat.bin", true, {"--set=memory.hugepages=never", report_option()})});

  EXPECT_EQ(redoubt.wait_exit(), 0) << redoubt.output();

  EXPECT_GT(number("pages_donated"), 16 * kMiB / page_size());
  EXPECT_EQ(number("donate_calls"), number("pages_donated"));
  EXPECT_EQ(number("memory_faults"), number("pages_donated"));
}

TEST_F(DonateRedoubt, with_huge_pages_each_of_them_is_a_fault) {
  REDOUBT_NEEDS_SERIES();
  RedoubtProcess redoubt({run_flat("touch-flat.bin", true, {report_option()})});

  EXPECT_EQ(redoubt.wait_exit(), 0) << redoubt.output();

  // 16 MiB and what lies before them, in pieces of 2 MiB, and the piece with the device tree.
  EXPECT_EQ(number("pages_donated"), 20 * kMiB / page_size());
  EXPECT_EQ(number("memory_faults"), 10U);
}

TEST_F(DonateRedoubt, memory_in_advance_leaves_no_faults) {
  REDOUBT_NEEDS_SERIES();
  RedoubtProcess redoubt({run_linux(
      {.cpus = 2, .memory = "64MiB", .more = {"--set=memory.prefault=true", report_option()}})});

  EXPECT_EQ(redoubt.wait_exit(), 0) << redoubt.output();

  EXPECT_TRUE(redoubt.says("64 MiB of its memory were given to it in advance")) << redoubt.output();
  EXPECT_EQ(number("pages_donated"), 64 * kMiB / page_size());
  EXPECT_EQ(number("memory_faults"), 0U);
  EXPECT_EQ(reported("memory_faults_of_vcpus"), "[0, 0]");
}

TEST_F(DonateRedoubt, window_is_given_in_advance_too) {
  REDOUBT_NEEDS_SERIES();
  RedoubtProcess redoubt({run_linux({.memory = "64MiB",
                                     .more = {"--set=memory.prefault=true", "--set=rng=true",
                                              "--set=memory.dma_window=4MiB", report_option()}})});

  EXPECT_EQ(redoubt.wait_exit(), 0) << redoubt.output();

  EXPECT_EQ(number("pages_donated"), 68 * kMiB / page_size());
  EXPECT_EQ(number("memory_faults"), 0U);
  // Linux shares the window, and some pages of its own.
  EXPECT_GE(number("pages_shared"), 4 * kMiB / page_size());
}

TEST_F(DonateRedoubt, each_life_has_its_memory_in_advance_and_its_own_statistics) {
  REDOUBT_NEEDS_SERIES();
  RedoubtProcess redoubt(
      {run_flat("reset-flat.bin", true, {"--set=memory.prefault=true", report_option()})});
  ASSERT_TRUE(redoubt.wait_for("stats: 0 faults of the guest", 3)) << redoubt.output();

  redoubt.signal(SIGTERM);

  EXPECT_EQ(redoubt.wait_exit(), 143) << redoubt.output();
  EXPECT_LE(number("pages_donated"), 32 * kMiB / page_size());
}

TEST_F(DonateRedoubt, donated_pages_are_the_locked_memory) {
  REDOUBT_NEEDS_SERIES();
  RedoubtProcess redoubt({run_flat("late-flat.bin", true, {report_option()})});
  ASSERT_TRUE(redoubt.wait_for("late: waiting")) << redoubt.output();
  const uint64_t locked = process_bytes(redoubt.pid(), "VmLck");

  redoubt.type("x");

  EXPECT_EQ(redoubt.wait_exit(), 0) << redoubt.output();
  // The page that it read late is in the huge page that it was started with.
  EXPECT_GT(locked, kLatePage);
  EXPECT_EQ(number("pages_donated") * page_size(), locked);
}

// A guest with so much memory, and in such small pieces, that giving it takes a while; when this
// returns, that is under way.
std::vector<std::string> run_large() {
  return run_linux(
      {.memory = "1GiB", .more = {"--set=memory.prefault=true", "--set=memory.hugepages=never"}});
}
void wait_for_first_pages(RedoubtProcess& redoubt) {
  ASSERT_TRUE(redoubt.wait_for("1024 MiB")) << redoubt.output();
  for (int tries = 0; process_bytes(redoubt.pid(), "VmLck") == 0 && tries < 2000; ++tries) {
    redoubt.read_for(std::chrono::milliseconds(10));
  }
  ASSERT_GT(process_bytes(redoubt.pid(), "VmLck"), 0U) << redoubt.output();
}

TEST_F(DonateRedoubt, limit_that_is_met_in_advance_is_told_with_numbers_and_no_guest_runs) {
  REDOUBT_NEEDS_SERIES();
  Launch launch{run_large()};
  launch.prepare = [] {
    set_memlock_limit_or_exit(2048 * kMiB);
    drop_capability_or_exit(CAP_IPC_LOCK);
    drop_capability_or_exit(CAP_SYS_RESOURCE);
  };
  RedoubtProcess redoubt(launch);
  wait_for_first_pages(redoubt);

  const rlimit limit{kMiB, RLIM_INFINITY};
  ASSERT_EQ(::prlimit(redoubt.pid(), RLIMIT_MEMLOCK, &limit, nullptr), 0);

  EXPECT_EQ(redoubt.wait_exit(), 5) << redoubt.output();
  EXPECT_TRUE(redoubt.says("of 1024 MiB could be given to the guest")) << redoubt.output();
  EXPECT_TRUE(redoubt.says("the 1024 KiB that RLIMIT_MEMLOCK allows")) << redoubt.output();
  EXPECT_FALSE(redoubt.says("redoubt-guest:")) << redoubt.output();
}

TEST_F(DonateRedoubt, page_that_the_host_reads_is_named_with_its_address) {
  REDOUBT_NEEDS_SERIES();
  RedoubtProcess redoubt(
      {run_flat("late-flat.bin", true, {"--set=memory.prefault=true", report_option()})});
  ASSERT_TRUE(redoubt.wait_for("late: waiting")) << redoubt.output();
  const uintptr_t start = guest_ram_of(redoubt.pid()).start;
  ASSERT_NE(start, 0U);

  uint64_t word = ~uint64_t{0};
  ASSERT_EQ(read_through_kernel(redoubt.pid(), start + kLatePage, &word), ssize_t{sizeof word});
  redoubt.type("x");

  EXPECT_EQ(redoubt.wait_exit(), 70) << redoubt.output();
  EXPECT_TRUE(redoubt.says("guest-memory-poisoned")) << redoubt.output();
  EXPECT_TRUE(redoubt.says("0x40004000")) << redoubt.output();
  EXPECT_EQ(number("pages_poisoned"), 1U);
}

TEST_F(DonateRedoubt, page_that_cannot_be_given_is_named_with_its_address) {
  REDOUBT_NEEDS_SERIES();
  RedoubtProcess redoubt({run_flat("late-flat.bin", true, {"--set=memory.hugepages=never"})});
  ASSERT_TRUE(redoubt.wait_for("late: waiting")) << redoubt.output();
  const uintptr_t start = guest_ram_of(redoubt.pid()).start;
  ASSERT_NE(start, 0U);

  ASSERT_EQ(call_in(redoubt.pid(), SYS_munmap, {start + kLatePage, page_size(), 0, 0, 0, 0}), 0);
  redoubt.type("x");

  EXPECT_EQ(redoubt.wait_exit(), 74) << redoubt.output();
  EXPECT_TRUE(redoubt.says("page-not-donatable")) << redoubt.output();
  EXPECT_TRUE(redoubt.says("0x40004000")) << redoubt.output();
}

TEST_F(DonateRedoubt, guest_that_is_being_given_memory_can_be_ended) {
  REDOUBT_NEEDS_SERIES();
  RedoubtProcess redoubt({run_large()});
  wait_for_first_pages(redoubt);

  redoubt.signal(SIGTERM);

  EXPECT_EQ(redoubt.wait_exit(), 143) << redoubt.output();
  EXPECT_FALSE(redoubt.says("in advance")) << redoubt.output();
  EXPECT_FALSE(redoubt.says("redoubt-guest:")) << redoubt.output();
}

}  // namespace
}  // namespace redoubt::suite
