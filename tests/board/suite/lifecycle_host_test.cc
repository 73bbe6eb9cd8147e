// SPDX-License-Identifier: Apache-2.0
//
// What a host does to the processes it runs, done to one that runs a protected guest: memory runs
// out, processes are frozen, processors go and come back.
#include <csignal>
#include <string>

#include <gtest/gtest.h>

#include "tests/board/suite/support/backing.h"
#include "tests/board/suite/support/control_group.h"
#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/needs.h"
#include "tests/board/suite/support/redoubt_process.h"

namespace redoubt::suite {
namespace {

class LifecycleHost : public testing::Test {
 protected:
  // What a host without control groups throws skips the test.
  template <class Body>
  void with_group(const char* controller, Body body) {
    try {
      const ControlGroup group(controller);
      body(group);
    } catch (const Unavailable& unavailable) {
      GTEST_SKIP() << unavailable.what();
    }
  }

  const HostMemory before_ = host_memory();
};

TEST_F(LifecycleHost, limit_of_a_control_group_kills_a_guest_that_grows_beyond_it) {
  REDOUBT_NEEDS_KVM(true);
  with_group("memory", [this](const ControlGroup& group) {
    RedoubtProcess redoubt({run_linux({.mode = "eat=64M"})});
    ASSERT_TRUE(redoubt.wait_for("eat: 8 MiB")) << redoubt.output();

    group.take(redoubt.pid());
    group.set("memory.max", std::to_string(8 << 20));

    EXPECT_EQ(redoubt.wait_exit(), 128 + SIGKILL) << redoubt.output();
    EXPECT_TRUE(group.wait_for("memory.events", "oom_kill", 1));
    EXPECT_EQ(wait_for_host_memory(before_), before_);
  });
}

TEST_F(LifecycleHost, limit_that_the_guest_does_not_fit_in_is_told_before_it_starts) {
  REDOUBT_NEEDS_KVM(true);
  with_group("memory", [](const ControlGroup& group) {
    group.set("memory.max", std::to_string(64 << 20));
    RedoubtProcess redoubt(
        {run_linux({.memory = "256MiB"}), Input::Pipe, [&group] { group.take(::getpid()); }});

    EXPECT_EQ(redoubt.wait_exit(), 5) << redoubt.output();
    EXPECT_TRUE(redoubt.says("memory.max")) << redoubt.output();
  });
}

// The host's own choice when its memory is used up, which SysRq asks it to make now.
TEST_F(LifecycleHost, host_out_of_memory_kills_the_guest_and_has_its_memory_back) {
  REDOUBT_NEEDS_KVM(true);
  RedoubtProcess redoubt({run_linux({.mode = "secret"})});
  ASSERT_TRUE(redoubt.wait_for("secret: waiting")) << redoubt.output();
  if (!write_file("/proc/" + std::to_string(redoubt.pid()) + "/oom_score_adj", "1000") ||
      !write_file("/proc/sysrq-trigger", "f")) {
    GTEST_SKIP() << "this host does not let its memory run out on demand";
  }

  EXPECT_EQ(redoubt.wait_exit(), 128 + SIGKILL) << redoubt.output();

  EXPECT_EQ(wait_for_host_memory(before_), before_);
}

TEST_F(LifecycleHost, frozen_guest_goes_on_where_it_was) {
  REDOUBT_NEEDS_KVM(true);
  with_group("", [](const ControlGroup& group) {
    RedoubtProcess redoubt({run_linux({.cpus = 2, .mode = "secret"})});
    ASSERT_TRUE(redoubt.wait_for("secret: waiting")) << redoubt.output();
    group.take(redoubt.pid());

    group.set("cgroup.freeze", "1");
    ASSERT_TRUE(group.wait_for("cgroup.events", "frozen", 1));
    redoubt.type("\n");
    group.set("cgroup.freeze", "0");

    EXPECT_EQ(redoubt.wait_exit(), 0) << redoubt.output();
    EXPECT_TRUE(redoubt.says("digest unchanged")) << redoubt.output();
  });
}

TEST_F(LifecycleHost, stopped_guest_goes_on_where_it_was) {
  REDOUBT_NEEDS_KVM(true);
  RedoubtProcess redoubt({run_linux({.cpus = 2, .mode = "secret"})});
  ASSERT_TRUE(redoubt.wait_for("secret: waiting")) << redoubt.output();

  redoubt.signal(SIGSTOP);
  redoubt.type("\n");
  redoubt.signal(SIGCONT);

  EXPECT_EQ(redoubt.wait_exit(), 0) << redoubt.output();
  EXPECT_TRUE(redoubt.says("digest unchanged")) << redoubt.output();
}

// One processor of the host less for as long as this lives.
class ProcessorAway {
 public:
  ProcessorAway() : away_(write_file(kFile, "0")) {}
  ~ProcessorAway() {
    if (away_) write_file(kFile, "1");
  }
  ProcessorAway(const ProcessorAway&) = delete;
  ProcessorAway& operator=(const ProcessorAway&) = delete;

  [[nodiscard]] bool away() const { return away_; }

 private:
  static constexpr const char* kFile = "/sys/devices/system/cpu/cpu1/online";
  bool away_;
};

TEST_F(LifecycleHost, processors_go_and_come_back_under_a_running_guest) {
  REDOUBT_NEEDS_KVM(true);
  RedoubtProcess redoubt({run_linux({.cpus = 2, .mode = "secret"})});
  ASSERT_TRUE(redoubt.wait_for("secret: waiting")) << redoubt.output();
  RedoubtProcess busy({run_flat("spin-flat.bin", true)});
  ASSERT_TRUE(busy.wait_for("spin: running")) << busy.output();

  for (int round = 0; round < 5; ++round) {
    const ProcessorAway processor;
    if (!processor.away()) GTEST_SKIP() << "this host has no second processor to take away";
    RedoubtProcess fewer({run_flat("hello-flat.bin", true)});
    EXPECT_EQ(fewer.wait_exit(), 0) << fewer.output();
  }
  redoubt.type("\n");

  EXPECT_EQ(redoubt.wait_exit(), 0) << redoubt.output();
  EXPECT_TRUE(redoubt.says("digest unchanged")) << redoubt.output();
  busy.signal(SIGTERM);
  EXPECT_EQ(busy.wait_exit(), 128 + SIGTERM) << busy.output();
  EXPECT_EQ(wait_for_host_memory(before_), before_);
}

}  // namespace
}  // namespace redoubt::suite
