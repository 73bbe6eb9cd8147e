// SPDX-License-Identifier: Apache-2.0
#include "vmm/memory/memory_limits.h"

#include <string>

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "tests/contains.h"
#include "tests/unit/memory/death.h"
#include "vmm/base/setup_error.h"
#include "vmm/memory/locked_memory.h"
#include "vmm/memory/memory_object.h"

namespace redoubt {
namespace {

constexpr uint64_t kMib = uint64_t{1} << 20;

// For a child process only: gives up every capability but, where it has it, CAP_SYS_RESOURCE.
// Returns whether it is left.
bool keep_only_sys_resource() {
  __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capget, &header, data) != 0) ::_exit(101);
  const uint32_t kept = data[0].permitted & (1U << CAP_SYS_RESOURCE);
  data[0] = {.effective = kept, .permitted = kept, .inheritable = 0};
  data[1] = {};
  if (::syscall(SYS_capset, &header, data) != 0) ::_exit(102);
  return kept != 0;
}

void drop_capabilities() {
  __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  const __user_cap_data_struct none[2] = {};
  if (::syscall(SYS_capset, &header, none) != 0) ::_exit(103);
}

void limit_locked_memory(uint64_t soft, uint64_t hard) {
  const rlimit limit = {.rlim_cur = soft, .rlim_max = hard};
  if (::setrlimit(RLIMIT_MEMLOCK, &limit) != 0) ::_exit(104);
}

TEST(MemoryNeed, locked_is_guest_and_vcpu_pages_and_what_is_locked_already) {
  EXPECT_EQ(memory_need(64 * kMib, 4, 8192).locked, 64 * kMib + 4 * host_page_size() + 8192);
}

TEST(MemoryNeed, available_includes_the_records_of_the_donations) {
  const uint64_t pages = 64 * kMib / host_page_size();
  EXPECT_EQ(memory_need(64 * kMib, 4, 8192).available, 64 * kMib + 72 * pages);
}

TEST(LockedMemory, mlocked_page_is_counted) {
  const int status = status_in_child([] {
    const uint64_t before = locked_memory_bytes().value();
    void* const page = ::mmap(nullptr, host_page_size(), PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    // Not mlock(), which sanitizers replace by nothing.
    if (::syscall(SYS_mlock, page, host_page_size()) != 0) ::_exit(77);
    if (locked_memory().locked != before + host_page_size()) ::_exit(1);
  });
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "no page can be locked here";
  EXPECT_EQ(status, 0);
}

TEST(LockedMemory, limits_are_those_of_the_process) {
  const int status = status_in_child([] {
    limit_locked_memory(4096, 8192);
    const LockedMemory memory = locked_memory();
    if (memory.soft_limit != 4096 || memory.hard_limit != 8192) ::_exit(1);
  });
  EXPECT_EQ(status, 0);
}

TEST(LockedMemory, process_without_capabilities_cannot_exceed) {
  const int status = status_in_child([] {
    drop_capabilities();
    if (locked_memory().can_exceed) ::_exit(1);
  });
  EXPECT_EQ(status, 0);
}

TEST(CheckMemoryLimits, sufficient_soft_limit_is_left_alone) {
  const int status = status_in_child([] {
    drop_capabilities();
    limit_locked_memory(2 * kMib, 4 * kMib);
    check_memory_limits(kMib, 1);
    if (locked_memory().soft_limit != 2 * kMib) ::_exit(1);
  });
  EXPECT_EQ(status, 0);
}

TEST(CheckMemoryLimits, soft_limit_is_raised_to_the_need_within_the_hard_limit) {
  const int status = status_in_child([] {
    drop_capabilities();
    limit_locked_memory(kMib, 4 * kMib);
    check_memory_limits(2 * kMib, 3);
    const LockedMemory memory = locked_memory();
    if (memory.soft_limit != memory_need(2 * kMib, 3, memory.locked).locked) ::_exit(1);
    if (memory.hard_limit != 4 * kMib) ::_exit(2);
  });
  EXPECT_EQ(status, 0);
}

TEST(CheckMemoryLimits, hard_limit_is_raised_with_cap_sys_resource) {
  const int status = status_in_child([] {
    limit_locked_memory(kMib, kMib);
    if (!keep_only_sys_resource()) ::_exit(77);
    check_memory_limits(2 * kMib, 3);
    const LockedMemory memory = locked_memory();
    const uint64_t need = memory_need(2 * kMib, 3, memory.locked).locked;
    if (memory.soft_limit != need || memory.hard_limit != need) ::_exit(1);
  });
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "needs CAP_SYS_RESOURCE";
  EXPECT_EQ(status, 0);
}

TEST(CheckMemoryLimits, hard_limit_too_low_by_one_byte_is_refused) {
  const int status = status_in_child([] {
    drop_capabilities();
    const uint64_t need = memory_need(2 * kMib, 3, locked_memory().locked).locked;
    limit_locked_memory(kMib, need - 1);
    try {
      check_memory_limits(2 * kMib, 3);
    } catch (const SetupError& error) {
      ::_exit(error.status() == ExitStatus::MemoryRefused ? 42 : 1);
    }
  });
  EXPECT_EQ(WEXITSTATUS(status), 42);
}

TEST(CheckMemoryLimits, refusal_tells_the_numbers_and_the_remedies) {
  const int status = status_in_child([] {
    drop_capabilities();
    limit_locked_memory(kMib, 2 * kMib);
    try {
      check_memory_limits(4 * kMib, 1);
    } catch (const SetupError& error) {
      const std::string what = error.what();
      const uint64_t need = memory_need(4 * kMib, 1, locked_memory().locked).locked;
      if (!contains(what, "4.0 MiB (4194304 bytes)")) ::_exit(1);
      if (!contains(what, std::to_string(need) + " bytes")) ::_exit(2);
      if (!contains(what, "soft limit is 1.0 MiB")) ::_exit(3);
      if (!contains(what, "hard limit 2.0 MiB")) ::_exit(4);
      const std::string kib = std::to_string(need / 1024);
      if (!contains(error.remedy(), "ulimit -l " + kib)) ::_exit(5);
      if (!contains(error.remedy(), "LimitMEMLOCK=" + kib + "K")) ::_exit(6);
      if (!contains(error.remedy(), "limits.conf")) ::_exit(7);
      if (!contains(error.remedy(), "setcap cap_ipc_lock")) ::_exit(8);
      ::_exit(42);
    }
  });
  EXPECT_EQ(WEXITSTATUS(status), 42);
}

TEST(CheckMemoryLimits, cap_ipc_lock_lifts_the_limit) {
  if (!locked_memory().can_exceed) GTEST_SKIP() << "needs CAP_IPC_LOCK in the initial namespace";
  const int status = status_in_child([] {
    limit_locked_memory(4096, locked_memory().hard_limit);
    check_memory_limits(2 * kMib, 1);
    if (locked_memory().soft_limit != 4096) ::_exit(1);
  });
  EXPECT_EQ(status, 0);
}

TEST(CheckMemoryLimits, more_than_the_host_has_is_refused) {
  try {
    check_memory_limits(uint64_t{1} << 50, 1);
    FAIL() << "a petabyte was granted";
  } catch (const SetupError& error) {
    EXPECT_EQ(error.status(), ExitStatus::MemoryRefused);
    EXPECT_TRUE(contains(error.what(), "is available")) << error.what();
    EXPECT_TRUE(contains(error.remedy(), "memory.size")) << error.remedy();
  }
}

}  // namespace
}  // namespace redoubt
