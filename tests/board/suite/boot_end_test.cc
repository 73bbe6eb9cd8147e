// SPDX-License-Identifier: Apache-2.0
//
// How a guest ends, and that nothing of it stays: signals at random moments, terminal modes, files.
#include <cmath>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/board/suite/support/needs.h"
#include "tests/board/suite/support/redoubt_process.h"
#include "tests/board/suite/support/scratch_folder.h"
#include "tests/board/suite/support/suite_dir.h"
#include "tests/seed.h"

namespace redoubt::suite {
namespace {

namespace fs = std::filesystem;

TEST(BootEnd, reset_with_on_reset_exit) {
  REDOUBT_NEEDS_KVM(true);
  RedoubtProcess redoubt({run_linux({.mode = "reset", .more = {"--set=on_reset=exit"}})});

  EXPECT_EQ(redoubt.wait_exit(), 32) << redoubt.output();
}

TEST(BootEnd, flat_binary_resets) {
  REDOUBT_NEEDS_KVM(true);
  RedoubtProcess redoubt({run_flat("reset-flat.bin", true, {"--set=on_reset=exit"})});

  EXPECT_EQ(redoubt.wait_exit(), 32) << redoubt.output();
}

struct SignalCase {
  int signal;
  int code;
};
std::string name_of_signal(const testing::TestParamInfo<SignalCase>& parameter) {
  return "SIG" + std::string(::sigabbrev_np(parameter.param.signal));
}

class BootSignal : public testing::TestWithParam<SignalCase> {};

TEST_P(BootSignal, ends_a_busy_guest_with_its_code) {
  REDOUBT_NEEDS_KVM(true);
  RedoubtProcess redoubt({run_linux({.cpus = 2, .mode = "loop"})});
  ASSERT_TRUE(redoubt.wait_for("redoubt-guest: userspace reached")) << redoubt.output();

  redoubt.signal(GetParam().signal);

  EXPECT_EQ(redoubt.wait_exit(), GetParam().code) << redoubt.output();
}

INSTANTIATE_TEST_SUITE_P(Signals, BootSignal,
                         testing::Values(SignalCase{SIGTERM, 143}, SignalCase{SIGINT, 130},
                                         SignalCase{SIGKILL, 137}, SignalCase{SIGHUP, 129}),
                         name_of_signal);

class BootRandomSignal : public testing::TestWithParam<SignalCase> {};

// At any moment: start-up, boot, fault, I/O, teardown. Most happens early, so the moments are
// spread evenly over the orders of magnitude.
TEST_P(BootRandomSignal, leaves_nothing_behind) {
  REDOUBT_NEEDS_KVM(true);
  constexpr int kRounds = 50;
  constexpr double kShortestMilliseconds = 1;
  constexpr double kLongestMilliseconds = 1000;
  const uint32_t seed = test_seed();
  SCOPED_TRACE("REDOUBT_SEED=" + std::to_string(seed));
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> logarithm(std::log(kShortestMilliseconds),
                                                   std::log(kLongestMilliseconds));
  const HostMemory before = host_memory();
  for (int round = 0; round < kRounds; ++round) {
    RedoubtProcess redoubt({run_linux({.cpus = 2, .memory = "64MiB", .mode = "loop"})});
    redoubt.read_for(std::chrono::milliseconds(std::lround(std::exp(logarithm(random)))));

    redoubt.signal(GetParam().signal);

    const int code = redoubt.wait_exit();
    // Before redoubt has its signals in hand the kernel's default ends it, with the same code but
    // for a shell's way of counting.
    EXPECT_TRUE(code == GetParam().code || code == 128 + GetParam().signal)
        << "round " << round << ": " << code << "\n"
        << redoubt.output();
    ASSERT_EQ(host_memory(), before) << "round " << round;
  }
}

INSTANTIATE_TEST_SUITE_P(Signals, BootRandomSignal,
                         testing::Values(SignalCase{SIGTERM, 143}, SignalCase{SIGINT, 130},
                                         SignalCase{SIGKILL, 137}),
                         name_of_signal);

// The mode of a new terminal, which is what redoubt found. After a crash it is restored by a
// process that outlives redoubt by a moment.
bool is_restored(RedoubtProcess& redoubt) {
  constexpr tcflag_t kCooked = ICANON | ECHO | ISIG;
  for (int i = 0; i < 200; ++i) {
    const termios mode = redoubt.terminal_mode();
    if ((mode.c_lflag & kCooked) == kCooked && (mode.c_oflag & OPOST) != 0) return true;
    redoubt.read_for(std::chrono::milliseconds(50));
  }
  return false;
}

class BootTerminal : public testing::Test {
 protected:
  // A guest on a terminal, in raw mode by now.
  void start(RedoubtProcess& redoubt) {
    ASSERT_TRUE(redoubt.wait_for("spin: running")) << redoubt.output();
    ASSERT_EQ(redoubt.terminal_mode().c_lflag & (ICANON | ECHO | ISIG), 0U);
  }
  static Launch on_terminal() { return {run_flat("spin-flat.bin", true), Input::Terminal}; }
};

TEST_F(BootTerminal, mode_is_restored_after_a_signal) {
  REDOUBT_NEEDS_KVM(true);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGSEGV, SIGABRT}) {
    RedoubtProcess redoubt(on_terminal());
    start(redoubt);

    redoubt.signal(signal);
    EXPECT_GT(redoubt.wait_exit_unread(), 0) << redoubt.output();

    EXPECT_TRUE(is_restored(redoubt)) << ::sigabbrev_np(signal);
  }
}

TEST_F(BootTerminal, escape_key_is_shown_and_quits) {
  REDOUBT_NEEDS_KVM(true);
  RedoubtProcess redoubt(on_terminal());
  start(redoubt);
  EXPECT_TRUE(redoubt.says("Ctrl-A x")) << redoubt.output();

  redoubt.type("\x01x");

  EXPECT_EQ(redoubt.wait_exit_unread(), 130) << redoubt.output();
  EXPECT_TRUE(is_restored(redoubt));
}

TEST_F(BootTerminal, mode_is_restored_after_power_off) {
  REDOUBT_NEEDS_KVM(true);
  RedoubtProcess redoubt({run_flat("hello-flat.bin", true), Input::Terminal});
  ASSERT_TRUE(redoubt.wait_for("powered off")) << redoubt.output();

  EXPECT_EQ(redoubt.wait_exit_unread(), 0) << redoubt.output();
  EXPECT_TRUE(is_restored(redoubt));
}

TEST_F(BootTerminal, mode_is_restored_after_a_refusal) {
  REDOUBT_NEEDS_KVM(true);
  Launch launch = on_terminal();
  launch.arguments.emplace_back("--set=boot.kernel=/does/not/exist");
  RedoubtProcess redoubt(launch);

  EXPECT_GT(redoubt.wait_exit_unread(), 0) << redoubt.output();
  EXPECT_TRUE(is_restored(redoubt));
}

class BootFiles : public testing::Test {
 protected:
  ScratchFolder directory_;
};

TEST_F(BootFiles, socket_and_pty_link_are_gone_after_the_guest) {
  REDOUBT_NEEDS_KVM(true);
  for (const std::string type : {"socket", "pty"}) {
    const fs::path path = directory_ / type;
    RedoubtProcess redoubt(
        {run_flat("spin-flat.bin", true,
                  {"--set=console.type=" + type, "--set=console.path=" + path.string()})});
    ASSERT_TRUE(redoubt.wait_for("protected guest")) << redoubt.output();
    for (int i = 0; i < 100 && !fs::exists(fs::symlink_status(path)); ++i) {
      redoubt.read_for(std::chrono::milliseconds(50));
    }
    EXPECT_TRUE(fs::exists(fs::symlink_status(path))) << type << "\n" << redoubt.output();

    redoubt.signal(SIGTERM);

    EXPECT_EQ(redoubt.wait_exit(), 143) << redoubt.output();
    EXPECT_FALSE(fs::exists(fs::symlink_status(path))) << type;
  }
}

TEST_F(BootFiles, console_file_has_every_line) {
  REDOUBT_NEEDS_KVM(true);
  const fs::path path = directory_ / "console.log";
  RedoubtProcess redoubt(
      {run_linux({.mode = "flood=4K",
                  .more = {"--set=console.type=file", "--set=console.path=" + path.string()}})});

  EXPECT_EQ(redoubt.wait_exit(), 0) << redoubt.output();

  std::ifstream file(path);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_NE(text.find("flood: 000000000000"), std::string::npos);
  EXPECT_NE(text.find("flood: done"), std::string::npos);
}

}  // namespace
}  // namespace redoubt::suite
