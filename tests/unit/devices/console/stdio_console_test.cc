// SPDX-License-Identifier: Apache-2.0
#include "devices/console/stdio_console.h"

#include <csignal>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>

#include "tests/unit/devices/console/support.h"
#include "tests/unit/devices/console/terminal_process.h"
#include "tests/unit/devices/run_until.h"

namespace redoubt {
namespace {

// --- Pipes and files

class StdioConsoleTest : public ::testing::Test {
 protected:
  void connect(StdioConsole& console) {
    console.connect([this](std::span<const std::byte> bytes) {
      received += text_of(bytes);
      return bytes.size();
    });
  }

  IgnoreSigpipe ignore_sigpipe;
  CapturedLog log;
  EventLoop loop;
  std::string received;
  int quits = 0;
};

TEST_F(StdioConsoleTest, pipes_pass_everything_and_know_no_escape_key) {
  const Ends input = make_pipe(0);
  const Ends output = make_pipe(0);
  StdioConsole console(loop, input.far, output.near, [this] { ++quits; });
  connect(console);

  ASSERT_TRUE(write_text(input.near, "a\x01xb"));
  console.write(bytes_of("out"));

  EXPECT_TRUE(run_until(loop, [&] { return received == "a\x01xb"; }));
  EXPECT_TRUE(run_until(loop, [&] { return read_available(output.far) == "out"; }));
  EXPECT_EQ(quits, 0);
  EXPECT_FALSE(log.has("escape key"));
}

TEST_F(StdioConsoleTest, last_words_reach_the_output) {
  const Ends input = make_pipe(0);
  const Ends output = make_pipe(0);
  {
    StdioConsole(loop, input.far, output.near, [] {}).write(bytes_of("Power down\n"));
  }
  EXPECT_EQ(read_available(output.far), "Power down\n");
}

TEST_F(StdioConsoleTest, null_input_and_output_are_fine) {
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  StdioConsole console(loop, null, null, [] {});
  connect(console);
  console.write(bytes_of("into nothing"));
  run_some(loop);
  EXPECT_EQ(received, "");
}

TEST_F(StdioConsoleTest, reader_that_leaves_is_told_and_survived) {
  const Ends input = make_pipe(0);
  Ends output = make_pipe(0);
  StdioConsole console(loop, input.far, output.near, [] {});
  output.far.reset();
  console.write(bytes_of("x"));
  EXPECT_TRUE(run_until(loop, [&] { return log.has("standard output: Broken pipe"); }));
  console.write(bytes_of("y"));
  run_some(loop);
}

// --- A terminal

class TerminalConsoleTest : public StdioConsoleTest {
 protected:
  Ends terminal = make_terminal();
  const Mode before = mode_of(terminal.far);
};

TEST_F(TerminalConsoleTest, terminal_is_raw_as_long_as_the_console_lives) {
  {
    const StdioConsole console(loop, terminal.far, terminal.far, [] {});
    EXPECT_TRUE(is_raw(terminal.far));
  }
  EXPECT_EQ(mode_of(terminal.far), before);
}

TEST_F(TerminalConsoleTest, escape_key_is_shown_at_start) {
  const StdioConsole console(loop, terminal.far, terminal.far, [] {});
  EXPECT_TRUE(log.has("console: escape key: Ctrl-A x quits"));
}

TEST_F(TerminalConsoleTest, keys_reach_the_guest_unchanged_and_unechoed) {
  StdioConsole console(loop, terminal.far, terminal.far, [] {});
  connect(console);
  ASSERT_TRUE(write_text(terminal.near, "ls\r\x03\x1a\x04"));
  EXPECT_TRUE(run_until(loop, [&] { return received == "ls\r\x03\x1a\x04"; }));
  EXPECT_EQ(read_available(terminal.near), "");
}

TEST_F(TerminalConsoleTest, output_reaches_the_terminal_unchanged) {
  StdioConsole console(loop, terminal.far, terminal.far, [] {});
  console.write(bytes_of("a\nb"));
  std::string shown;
  EXPECT_TRUE(run_until(loop, [&] {
    shown += read_available(terminal.near);
    return shown == "a\nb";
  }));
}

TEST_F(TerminalConsoleTest, escape_key_quits_even_if_the_guest_does_not_listen) {
  const StdioConsole console(loop, terminal.far, terminal.far, [this] { ++quits; });
  ASSERT_TRUE(write_text(terminal.near, std::string(3000, 'x') + "\x01x"));
  EXPECT_TRUE(run_until(loop, [&] { return quits == 1; }));
}

TEST_F(TerminalConsoleTest, escape_key_shows_help) {
  const StdioConsole console(loop, terminal.far, terminal.far, [] {});
  ASSERT_TRUE(write_text(terminal.near, "\x01h"));
  EXPECT_TRUE(run_until(loop, [&] { return log.has("Ctrl-A h shows this"); }));
}

TEST_F(TerminalConsoleTest, terminal_that_goes_away_is_survived) {
  const StdioConsole console(loop, terminal.far, terminal.far, [] {});
  terminal.near.reset();
  EXPECT_TRUE(run_until(loop, [&] { return log.has("the terminal has gone"); }));
}

TEST_F(TerminalConsoleTest, signal_mask_is_as_before) {
  sigset_t mask_before;
  sigset_t mask_after;
  ::pthread_sigmask(SIG_BLOCK, nullptr, &mask_before);
  {
    const StdioConsole console(loop, terminal.far, terminal.far, [] {});
  }
  ::pthread_sigmask(SIG_BLOCK, nullptr, &mask_after);
  for (const int signal : {SIGTSTP, SIGCONT, SIGTTIN, SIGTTOU}) {
    EXPECT_EQ(sigismember(&mask_after, signal), sigismember(&mask_before, signal)) << signal;
  }
}

// --- Every way out, in a process of its own

class WayOutTest : public ::testing::Test {
 protected:
  // A process makes the console, and `way_out` ends it; the terminal was raw in between, and
  // afterwards is as before.
  void expect_restored_after(const std::function<void()>& way_out) {
    pid = start([&] {
      EventLoop loop;
      const StdioConsole console(loop, terminal.far, terminal.far, [] {});
      raw.reach();
      way_out();
      return 0;
    });
    ASSERT_GT(pid, 0);
    ASSERT_TRUE(raw.wait());
    ASSERT_TRUE(is_raw(terminal.far));
    go.reach();
    wait_for_all();
    EXPECT_EQ(mode_of(terminal.far), before);
  }

  CapturedLog log;
  AdoptOrphans adopt;
  Ends terminal = make_terminal();
  const Mode before = mode_of(terminal.far);
  Milestone raw;
  Milestone go;
  pid_t pid = -1;
};

TEST_F(WayOutTest, orderly_return) {
  expect_restored_after([this] { (void)go.wait(); });
}

TEST_F(WayOutTest, exit_without_destructors) {
  expect_restored_after([this] {
    (void)go.wait();
    ::_exit(1);
  });
}

TEST_F(WayOutTest, aborting) {
  expect_restored_after([this] {
    (void)go.wait();
    std::signal(SIGABRT, SIG_DFL);
    std::abort();
  });
}

TEST_F(WayOutTest, segmentation_fault) {
  expect_restored_after([this] {
    (void)go.wait();
    std::signal(SIGSEGV, SIG_DFL);
    (void)::raise(SIGSEGV);
  });
}

TEST_F(WayOutTest, termination_signal_without_a_handler) {
  expect_restored_after([this] {
    (void)go.wait();
    (void)::raise(SIGTERM);
  });
}

TEST_F(WayOutTest, sigkill) {
  expect_restored_after([this] {
    (void)go.wait();
    (void)::raise(SIGKILL);
  });
}

TEST_F(WayOutTest, sigkill_to_the_whole_process_group) {
  expect_restored_after([this] {
    ::setpgid(0, 0);
    (void)go.wait();
    ::kill(0, SIGKILL);
  });
}

TEST_F(WayOutTest, mode_that_a_shell_has_set_meanwhile_is_kept) {
  pid = start([&]() -> int {
    EventLoop loop;
    const StdioConsole console(loop, terminal.far, terminal.far, [] {});
    raw.reach();
    (void)go.wait();
    ::_exit(1);
  });
  ASSERT_TRUE(raw.wait());
  termios mode{};
  ::tcgetattr(terminal.far.get(), &mode);
  mode.c_lflag |= ECHO;
  ::tcsetattr(terminal.far.get(), TCSANOW, &mode);
  const Mode of_shell = mode_of(terminal.far);

  go.reach();
  wait_for_all();

  EXPECT_EQ(mode_of(terminal.far), of_shell);
}

// --- Job control, below a process that plays the shell

class JobControlTest : public ::testing::Test {
 protected:
  // Runs `shell` in a session of which `terminal` is the controlling terminal; its result is 0, or
  // the line that found a fault.
  int run_shell(const std::function<int()>& shell) {
    const pid_t pid = start([&] {
      ::setsid();
      if (::ioctl(terminal.far.get(), TIOCSCTTY, 0) != 0) return __LINE__;
      std::signal(SIGTTOU, SIG_IGN);
      return shell();
    });
    const int status = wait_for(pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  // A job of the shell, in a process group of its own; it starts when `go` is reached.
  pid_t start_job(const std::function<int()>& body) {
    return start([&] {
      ::setpgid(0, 0);
      std::signal(SIGTTOU, SIG_DFL);
      return go.wait() ? body() : 1;
    });
  }

  // A console whose input goes into `typed`.
  int run_console() {
    EventLoop loop;
    StdioConsole console(loop, terminal.far, terminal.far, [&] { loop.stop(); });
    console.connect([this](std::span<const std::byte> bytes) {
      for (size_t i = 0; i < bytes.size(); ++i) typed.reach();
      return bytes.size();
    });
    ready.reach();
    loop.run();
    return 0;
  }

  CapturedLog log;
  AdoptOrphans adopt;
  Ends terminal = make_terminal();
  const Mode before = mode_of(terminal.far);
  Milestone go;
  Milestone ready;
  Milestone typed;
};

TEST_F(JobControlTest, stopped_job_gives_the_terminal_back_and_takes_it_again) {
  const int fault = run_shell([this] {
    const pid_t job = start_job([this] { return run_console(); });
    ::setpgid(job, job);
    ::tcsetpgrp(terminal.far.get(), job);
    go.reach();
    if (!ready.wait() || !is_raw(terminal.far)) return 1;

    ::kill(job, SIGTSTP);
    if (!WIFSTOPPED(wait_for(job, WUNTRACED))) return 2;
    if (mode_of(terminal.far) != before) return 3;

    ::kill(job, SIGCONT);
    if (!write_text(terminal.near, "x\r") || !typed.wait()) return 4;
    if (!is_raw(terminal.far)) return 5;
    if (!write_text(terminal.near, "\x01x")) return 6;
    if (wait_for(job) != 0) return 7;
    return mode_of(terminal.far) == before ? 0 : 8;
  });
  EXPECT_EQ(fault, 0);
}

TEST_F(JobControlTest, job_in_the_background_leaves_the_terminal_alone) {
  const int fault = run_shell([this] {
    const pid_t job = start_job([this] {
      EventLoop loop;
      const StdioConsole console(loop, terminal.far, terminal.far, [] {});
      run_some(loop);
      return mode_of(terminal.far) == before ? 0 : 1;
    });
    ::setpgid(job, job);
    go.reach();
    const int status = wait_for(job, WUNTRACED);
    if (WIFSTOPPED(status)) ::kill(job, SIGKILL);
    return status == 0 && mode_of(terminal.far) == before ? 0 : 1;
  });
  EXPECT_EQ(fault, 0);
}

}  // namespace
}  // namespace redoubt
