// SPDX-License-Identifier: Apache-2.0
//
// The locked-memory limit: refused before the guest starts, or met in the middle of its life.
#include <linux/capability.h>

#include <cstdint>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "tests/board/suite/support/needs.h"
#include "tests/board/suite/support/redoubt_process.h"
#include "tests/sizes.h"

namespace redoubt::suite {
namespace {

// A process for which the limit counts, and which cannot raise it.
Launch limited(std::vector<std::string> arguments, uint64_t memlock) {
  return {std::move(arguments), Input::Pipe, [memlock] {
            set_memlock_limit_or_exit(memlock);
            drop_capability_or_exit(CAP_IPC_LOCK);
            drop_capability_or_exit(CAP_SYS_RESOURCE);
          }};
}

void set_limit_of(pid_t pid, uint64_t bytes) {
  const rlimit limit{bytes, RLIM_INFINITY};
  ASSERT_EQ(::prlimit(pid, RLIMIT_MEMLOCK, &limit, nullptr), 0);
}

TEST(BootLimits, too_low_a_limit_is_refused_before_the_guest_starts) {
  REDOUBT_NEEDS_KVM(true);
  RedoubtProcess redoubt(limited(run_linux({.memory = "128MiB"}), 64 * kMiB));

  EXPECT_EQ(redoubt.wait_exit(), 5) << redoubt.output();

  EXPECT_TRUE(redoubt.says("64.0 MiB")) << redoubt.output();
  EXPECT_TRUE(redoubt.says("128.0 MiB")) << redoubt.output();
  EXPECT_TRUE(redoubt.says("ulimit -l")) << redoubt.output();
  EXPECT_FALSE(redoubt.says("Linux version")) << redoubt.output();
}

TEST(BootLimits, limit_of_exactly_the_need_is_enough) {
  REDOUBT_NEEDS_KVM(true);
  constexpr uint64_t kOneVcpu = 4096;
  RedoubtProcess redoubt(limited(run_linux({.memory = "64MiB"}), 64 * kMiB + kOneVcpu));

  EXPECT_EQ(redoubt.wait_exit(), 0) << redoubt.output();
}

TEST(BootLimits, soft_limit_is_raised_to_the_need) {
  REDOUBT_NEEDS_KVM(true);
  Launch launch = limited(run_linux({.memory = "64MiB"}), 0);
  launch.prepare = [] {
    const rlimit limit{8 * kMiB, 256 * kMiB};
    if (::setrlimit(RLIMIT_MEMLOCK, &limit) != 0) ::_exit(126);
    drop_capability_or_exit(CAP_IPC_LOCK);
    drop_capability_or_exit(CAP_SYS_RESOURCE);
  };
  RedoubtProcess redoubt(launch);

  EXPECT_EQ(redoubt.wait_exit(), 0) << redoubt.output();
}

TEST(BootLimits, unprotected_guest_needs_no_locked_memory) {
  REDOUBT_NEEDS_KVM(false);
  RedoubtProcess redoubt(limited(run_linux({.is_protected = false}), 0));

  EXPECT_EQ(redoubt.wait_exit(), 0) << redoubt.output();
}

TEST(BootLimits, limit_met_while_running_holds_the_guest_until_it_is_raised) {
  REDOUBT_NEEDS_KVM(true);
  RedoubtProcess redoubt(limited(run_linux({.cpus = 2, .mode = "eat=64M"}), 1024 * kMiB));
  ASSERT_TRUE(redoubt.wait_for("eat: 8 MiB")) << redoubt.output();

  set_limit_of(redoubt.pid(), 4 * kMiB);
  ASSERT_TRUE(redoubt.wait_for("the guest is held")) << redoubt.output();
  EXPECT_TRUE(redoubt.says("RLIMIT_MEMLOCK")) << redoubt.output();
  EXPECT_FALSE(redoubt.says("eat: done")) << redoubt.output();
  set_limit_of(redoubt.pid(), 1024 * kMiB);

  EXPECT_EQ(redoubt.wait_exit(), 0) << redoubt.output();
  EXPECT_TRUE(redoubt.says("there is room again")) << redoubt.output();
  EXPECT_TRUE(redoubt.says("eat: done")) << redoubt.output();
}

TEST(BootLimits, limit_that_stays_ends_the_guest_with_its_own_code) {
  REDOUBT_NEEDS_KVM(true);
  RedoubtProcess redoubt(limited(run_linux({.mode = "eat=64M"}), 1024 * kMiB));
  ASSERT_TRUE(redoubt.wait_for("eat: 8 MiB")) << redoubt.output();

  set_limit_of(redoubt.pid(), 4 * kMiB);

  EXPECT_EQ(redoubt.wait_exit(), 71) << redoubt.output();
  EXPECT_TRUE(redoubt.says("locked-memory-exhausted")) << redoubt.output();
}

TEST(BootLimits, held_guest_can_be_ended) {
  REDOUBT_NEEDS_KVM(true);
  RedoubtProcess redoubt(limited(run_linux({.mode = "eat=64M"}), 1024 * kMiB));
  ASSERT_TRUE(redoubt.wait_for("eat: 8 MiB")) << redoubt.output();
  set_limit_of(redoubt.pid(), 4 * kMiB);
  ASSERT_TRUE(redoubt.wait_for("the guest is held")) << redoubt.output();

  redoubt.signal(SIGTERM);

  EXPECT_EQ(redoubt.wait_exit(), 143) << redoubt.output();
}

}  // namespace
}  // namespace redoubt::suite
