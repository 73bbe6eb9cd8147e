// SPDX-License-Identifier: Apache-2.0
#include "vmm/signals.h"

#include <csignal>
#include <optional>

#include <gtest/gtest.h>
#include <unistd.h>

#include "vmm/base/event_loop.h"

namespace redoubt {
namespace {

std::optional<ExitStatus> status_after(int signal) {
  EventLoop loop;
  std::optional<ExitStatus> seen;
  const Signals signals(loop, {.end =
                                   [&](ExitStatus status) {
                                     seen = status;
                                     loop.stop();
                                   },
                               .prove = [&] { loop.stop(); }});
  ::kill(::getpid(), signal);
  loop.run();
  return seen;
}

TEST(Signals, sigint_ends_as_interrupted) {
  EXPECT_EQ(status_after(SIGINT), ExitStatus::Interrupted);
}

TEST(Signals, sigterm_ends_as_terminated) {
  EXPECT_EQ(status_after(SIGTERM), ExitStatus::Terminated);
}

TEST(Signals, sighup_ends_as_hung_up) { EXPECT_EQ(status_after(SIGHUP), ExitStatus::HungUp); }

TEST(Signals, sigusr1_proves_and_does_not_end) { EXPECT_EQ(status_after(SIGUSR1), std::nullopt); }

TEST(Signals, broken_pipe_and_full_file_do_not_kill) {
  EventLoop loop;
  const Signals signals(loop, {.end = [](ExitStatus) {}, .prove = [] {}});

  EXPECT_EQ(::raise(SIGPIPE), 0);
  EXPECT_EQ(::raise(SIGXFSZ), 0);
}

TEST(Signals, destruction_restores_the_signal_mask) {
  sigset_t before;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
  {
    EventLoop loop;
    const Signals signals(loop, {.end = [](ExitStatus) {}, .prove = [] {}});
  }
  sigset_t after;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &after);

  EXPECT_EQ(sigismember(&after, SIGTERM), sigismember(&before, SIGTERM));
}

}  // namespace
}  // namespace redoubt
