// SPDX-License-Identifier: Apache-2.0
//
// Guests beside guests: as many as a small board holds, and an honest one beside a hostile one.
#include <chrono>
#include <list>
#include <random>
#include <string>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "tests/board/suite/hostile_guest.h"
#include "tests/board/suite/support/needs.h"
#include "tests/board/suite/support/redoubt_process.h"
#include "tests/hostile/random_program.h"
#include "tests/rounds.h"
#include "tests/seed.h"

namespace redoubt::suite {
namespace {

TEST(LifecycleMany, thirty_two_guests_run_at_once_and_leave_nothing) {
  REDOUBT_NEEDS_KVM(true);
  constexpr int kSmall = 28;
  constexpr int kLinux = 4;
  const HostMemory before = host_memory();
  std::list<RedoubtProcess> guests;
  // Nothing but consoles in what they say, which is read only when all have been started. The small
  // ones wait for a key with a processor each: they must leave some of it to the others.
  for (int i = 0; i < kSmall; ++i) {
    guests.emplace_back(Launch{run_flat("late-flat.bin", true, {"--log-level=error"}), Input::Pipe,
                               [] { ::setpriority(PRIO_PROCESS, 0, 19); }});
  }
  for (int i = 0; i < kLinux; ++i) {
    guests.emplace_back(
        Launch{run_linux({.memory = "64MiB", .mode = "secret", .more = {"--log-level=error"}})});
  }
  for (RedoubtProcess& guest : guests) {
    ASSERT_TRUE(guest.wait_for(": waiting")) << guest.output();
  }

  for (RedoubtProcess& guest : guests) guest.type("x\n");

  for (RedoubtProcess& guest : guests) {
    EXPECT_EQ(guest.wait_exit(), 0) << guest.output();
    EXPECT_TRUE(guest.says("late: ok") || guest.says("digest unchanged")) << guest.output();
  }
  EXPECT_EQ(wait_for_host_memory(before), before);
}

// The honest guest computes the same digest time after time while hostile ones come and go.
TEST(LifecycleMany, work_of_an_honest_guest_is_unharmed_beside_hostile_ones) {
  REDOUBT_NEEDS_HOSTILE_GUEST(true);
  constexpr unsigned kInstructions = 250;
  const unsigned times = rounds(200U);
  const uint32_t seed = test_seed();
  SCOPED_TRACE("REDOUBT_SEED=" + std::to_string(seed));
  std::mt19937 random(seed);
  RedoubtProcess honest({run_linux({.cpus = 2, .mode = "shell"})});
  ASSERT_TRUE(honest.wait_for("busybox follows")) << honest.output();
  honest.type("d=$(sha256sum /bin/busybox); i=0; while [ $i -lt " + std::to_string(times) +
              " ]; do [ \"$d\" = \"$(sha256sum /bin/busybox)\" ] && echo sa''me; i=$((i+1)); "
              "done; poweroff -f\n");

  do {
    hostile::Program program(hostile_arena(true));
    add_random(program, random(), kInstructions);
    HostileGuest hostile(program, true);
    EXPECT_EQ(hostile.process().wait_exit(), 0) << hostile.process().output();
    honest.read_for(std::chrono::milliseconds(100));
    GTEST_LOG_(INFO) << honest.times_said("same") << " of " << times << " digests";
  } while (honest.times_said("same") < times / 2 && !HasFailure());

  EXPECT_EQ(honest.wait_exit(), 0) << honest.output();
  EXPECT_EQ(honest.times_said("same"), times) << honest.output();
}

}  // namespace
}  // namespace redoubt::suite
