// SPDX-License-Identifier: Apache-2.0
//
// Guests come and go, in every way that they can, time after time: what each leaves on its host.
#include <chrono>
#include <cmath>
#include <csignal>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/needs.h"
#include "tests/board/suite/support/redoubt_process.h"
#include "tests/board/suite/support/remains.h"
#include "tests/board/suite/support/scratch_folder.h"
#include "tests/rounds.h"
#include "tests/seed.h"

namespace redoubt::suite {
namespace {

using std::chrono::milliseconds;

// One guest from its start to its end, by chance at a moment of its own.
class Life {
 public:
  Life(std::mt19937& random, std::string disk) : random_(random), disk_(std::move(disk)) {}

  // Lives it; a fault of it is reported into the running test.
  void live() {
    switch (below(8)) {
      case 0: return power_off("hello-flat.bin");
      case 1: return resets();
      case 2: return killed("start or idle", run_flat("late-flat.bin", fair_coin()), 300);
      case 3: return killed("faults", run_flat("spin-flat.bin", fair_coin()), 600);
      case 4: return killed_while_sharing();
      case 5: return killed("boot", run_linux({.is_protected = fair_coin(), .cpus = 2}), 2000);
      case 6: return killed_while_writing_a_disk();
      default: return killed_in_teardown();
    }
  }

 private:
  unsigned below(unsigned limit) { return static_cast<unsigned>(random_() % limit); }
  bool fair_coin() { return below(2) == 0; }
  // Most happens early: spread evenly over the orders of magnitude.
  milliseconds within(unsigned longest) {
    std::uniform_real_distribution<double> logarithm(0, std::log(longest));
    return milliseconds(std::lround(std::exp(logarithm(random_))));
  }

  void power_off(const std::string& payload) {
    RedoubtProcess redoubt({run_flat(payload, fair_coin())});
    EXPECT_EQ(redoubt.wait_exit(), 0) << "power-off\n" << redoubt.output();
  }

  void resets() {
    RedoubtProcess redoubt(
        {run_flat("reset-flat.bin", fair_coin(), {"--set=boot.cmdline=touch=1"})});
    EXPECT_TRUE(redoubt.wait_for("reset: now", 1 + below(3))) << redoubt.output();
    redoubt.signal(SIGTERM);
    EXPECT_EQ(redoubt.wait_exit(), 128 + SIGTERM) << "resets\n" << redoubt.output();
  }

  void kill(RedoubtProcess& redoubt, const char* when) {
    redoubt.signal(SIGKILL);
    EXPECT_EQ(redoubt.wait_exit(), 128 + SIGKILL) << when << "\n" << redoubt.output();
  }

  void killed(const char* when, std::vector<std::string> arguments, unsigned longest) {
    RedoubtProcess redoubt({std::move(arguments)});
    redoubt.read_for(within(longest));
    // A guest that ends by itself may have done so.
    redoubt.signal(SIGKILL);
    const int code = redoubt.wait_exit();
    EXPECT_TRUE(code == 128 + SIGKILL || code == 0) << when << ": " << code << redoubt.output();
  }

  void killed_while_sharing() {
    RedoubtProcess redoubt({run_flat("share-flat.bin", true)});
    for (unsigned left = below(8); left > 0; --left) redoubt.type(fair_coin() ? "s" : "u");
    redoubt.read_for(within(400));
    kill(redoubt, "share");
  }

  // With a disk, whose lock and whose requests under way go as well.
  void killed_while_writing_a_disk() {
    RedoubtProcess redoubt({run_linux(
        {.is_protected = fair_coin(), .mode = "shell", .more = {"--set=disks[0].path=" + disk_}})});
    if (redoubt.wait_for("busybox follows")) {
      redoubt.type("dd if=/dev/zero of=/dev/vda bs=64k\n");
      redoubt.read_for(within(500));
    } else {
      ADD_FAILURE() << redoubt.output();
    }
    kill(redoubt, "I/O");
  }

  void killed_in_teardown() {
    RedoubtProcess redoubt({run_flat("spin-flat.bin", true)});
    EXPECT_TRUE(redoubt.wait_for("spin: running")) << redoubt.output();
    redoubt.signal(SIGTERM);
    redoubt.read_for(within(50));
    redoubt.signal(SIGKILL);
    const int code = redoubt.wait_exit();
    EXPECT_TRUE(code == 128 + SIGKILL || code == 128 + SIGTERM) << code << redoubt.output();
  }

  std::mt19937& random_;
  const std::string disk_;
};

TEST(LifecycleEnds, of_every_kind_leave_nothing_behind) {
  REDOUBT_NEEDS_KVM(true);
  const ScratchFolder folder;
  const std::string disk = folder.image("disk", 16 << 20);
  const uint32_t seed = test_seed();
  std::mt19937 random(seed);
  Life life(random, disk);
  life.live();  // what comes only with the first guest of a host
  const HostMemory before = host_memory();
  const Holdings held = holdings_of(::getpid());
  const uint64_t unused = unused_bytes();
  const int lives = rounds(1000);

  for (int round = 0; round < lives; ++round) {
    SCOPED_TRACE("REDOUBT_SEED=" + std::to_string(seed) + ", life " + std::to_string(round));
    life.live();
    ASSERT_EQ(wait_for_host_memory(before), before);
    ASSERT_EQ(holdings_of(::getpid()), held);
    if (HasFailure()) return;
    if (round % 20 == 19) GTEST_LOG_(INFO) << round + 1 << " of " << lives << " lives";
  }

  // Less than a page for each life, and what caches in use come to.
  const uint64_t slack = (uint64_t{2} << 20) + static_cast<uint64_t>(lives) * 4096;
  EXPECT_GT(unused_bytes() + slack, unused);
}

}  // namespace
}  // namespace redoubt::suite
