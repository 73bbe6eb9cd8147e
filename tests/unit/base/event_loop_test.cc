// SPDX-License-Identifier: Apache-2.0
#include "vmm/base/event_loop.h"

#include <atomic>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "vmm/base/event_fd.h"

namespace redoubt {
namespace {

TEST(EventLoop, handler_runs_when_its_descriptor_is_ready) {
  EventLoop loop;
  EventFd event;
  uint32_t seen = 0;
  const auto watch = loop.watch(event.fd(), EPOLLIN, [&](uint32_t events) {
    seen = events;
    loop.stop();
  });
  event.signal();
  loop.run();
  EXPECT_EQ(seen, uint32_t{EPOLLIN});
}

TEST(EventLoop, handler_runs_again_until_the_cause_is_gone) {
  EventLoop loop;
  EventFd event;
  int calls = 0;
  const auto watch = loop.watch(event.fd(), EPOLLIN, [&](uint32_t) {
    if (++calls == 3) {
      event.drain();
      loop.post([&] { loop.stop(); });
    }
  });
  event.signal();
  loop.run();
  EXPECT_EQ(calls, 3);
}

TEST(EventLoop, tasks_run_in_order_of_posting) {
  EventLoop loop;
  std::string order;
  loop.post([&] { order += 'a'; });
  loop.post([&] { order += 'b'; });
  loop.post([&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(order, "ab");
}

TEST(EventLoop, task_may_post_another) {
  EventLoop loop;
  int depth = 0;
  const std::function<void()> task = [&] {
    if (++depth == 10) {
      loop.stop();
    } else {
      loop.post(task);
    }
  };
  loop.post(task);
  loop.run();
  EXPECT_EQ(depth, 10);
}

TEST(EventLoop, tasks_of_other_threads_run_on_the_loop_thread) {
  EventLoop loop;
  constexpr int kThreads = 4;
  constexpr int kTasks = 1000;
  int count = 0;  // unguarded: only the loop thread touches it
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < kTasks; ++j) {
        loop.post([&] {
          if (++count == kThreads * kTasks) loop.stop();
        });
      }
    });
  }
  loop.run();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, kThreads * kTasks);
}

TEST(EventLoop, stop_from_before_run_counts_once) {
  EventLoop loop;
  loop.stop();
  loop.run();

  bool ran = false;
  loop.post([&] {
    ran = true;
    loop.stop();
  });
  loop.run();
  EXPECT_TRUE(ran);
}

TEST(EventLoop, stop_from_another_thread_ends_run) {
  EventLoop loop;
  std::thread other([&] { loop.stop(); });
  loop.run();
  other.join();
}

TEST(EventLoop, cancelled_watch_is_not_called) {
  EventLoop loop;
  EventFd event;
  int calls = 0;
  auto watch = loop.watch(event.fd(), EPOLLIN, [&](uint32_t) { ++calls; });
  event.signal();
  watch.cancel();
  loop.post([&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(calls, 0);
  EXPECT_FALSE(watch.active());
}

TEST(EventLoop, destroyed_watch_is_not_called) {
  EventLoop loop;
  EventFd event;
  int calls = 0;
  {
    const auto watch = loop.watch(event.fd(), EPOLLIN, [&](uint32_t) { ++calls; });
  }
  event.signal();
  loop.post([&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(calls, 0);
}

TEST(EventLoop, handler_may_cancel_its_own_watch) {
  EventLoop loop;
  EventFd event;
  std::optional<EventLoop::Watch> watch;
  std::string state = "not called";
  watch = loop.watch(event.fd(), EPOLLIN, [&, text = std::string("still alive")](uint32_t) {
    watch.reset();
    state = text;  // the handler itself must not be gone
    loop.stop();
  });
  event.signal();
  loop.run();
  EXPECT_EQ(state, "still alive");
}

TEST(EventLoop, handler_may_cancel_another_watch_that_is_ready_too) {
  EventLoop loop;
  EventFd first_event;
  EventFd second_event;
  EventLoop::Watch first;
  EventLoop::Watch second;
  int calls = 0;
  first = loop.watch(first_event.fd(), EPOLLIN, [&](uint32_t) {
    ++calls;
    second.cancel();
    first.cancel();
  });
  second = loop.watch(second_event.fd(), EPOLLIN, [&](uint32_t) {
    ++calls;
    first.cancel();
    second.cancel();
  });
  first_event.signal();
  second_event.signal();
  loop.post([&] { loop.post([&] { loop.stop(); }); });
  loop.run();
  EXPECT_EQ(calls, 1);
}

TEST(EventLoop, handler_may_add_a_watch) {
  EventLoop loop;
  EventFd first_event;
  EventFd second_event;
  EventLoop::Watch second;
  const auto first = loop.watch(first_event.fd(), EPOLLIN, [&](uint32_t) {
    first_event.drain();
    second = loop.watch(second_event.fd(), EPOLLIN, [&](uint32_t) { loop.stop(); });
    second_event.signal();
  });
  first_event.signal();
  loop.run();
  EXPECT_TRUE(second.active());
}

TEST(EventLoop, paused_watch_is_not_called_until_it_is_resumed) {
  EventLoop loop;
  EventFd event;
  int calls = 0;
  auto watch = loop.watch(event.fd(), 0, [&](uint32_t) {
    ++calls;
    loop.stop();
  });
  event.signal();
  loop.post([&] { loop.stop(); });
  loop.run();
  ASSERT_EQ(calls, 0);

  watch.set_events(EPOLLIN);
  loop.run();

  EXPECT_EQ(calls, 1);
}

TEST(EventLoop, paused_watch_does_not_report_a_hang_up) {
  EventLoop loop;
  int ends[2] = {};
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  int calls = 0;
  auto watch = loop.watch(reader, EPOLLIN, [&](uint32_t) { ++calls; });
  watch.set_events(0);
  writer.reset();
  loop.post([&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(calls, 0);
}

TEST(EventLoop, moved_watch_goes_on) {
  EventLoop loop;
  EventFd event;
  auto watch = loop.watch(event.fd(), EPOLLIN, [&](uint32_t) { loop.stop(); });
  EventLoop::Watch other = std::move(watch);
  EXPECT_FALSE(watch.active());  // NOLINT(bugprone-use-after-move): that is what is tested
  EXPECT_TRUE(other.active());
  event.signal();
  loop.run();
}

TEST(EventLoop, assigned_watch_ends_the_one_before) {
  EventLoop loop;
  EventFd first_event;
  EventFd second_event;
  int first_calls = 0;
  auto watch = loop.watch(first_event.fd(), EPOLLIN, [&](uint32_t) { ++first_calls; });
  watch = loop.watch(second_event.fd(), EPOLLIN, [&](uint32_t) { loop.stop(); });
  first_event.signal();
  second_event.signal();
  loop.run();
  EXPECT_EQ(first_calls, 0);
}

TEST(EventLoop, empty_watch_can_be_used_without_effect) {
  EventLoop::Watch watch;
  watch.set_events(EPOLLIN);
  watch.cancel();
  EXPECT_FALSE(watch.active());
}

TEST(EventLoop, watch_of_a_regular_file_is_not_active) {
  EventLoop loop;
  const UniqueFd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(file.valid());
  const auto watch = loop.watch(file, EPOLLIN, [](uint32_t) {});
  EXPECT_FALSE(watch.active());
}

TEST(EventLoop, watching_a_closed_descriptor_throws) {
  EventLoop loop;
  try {
    const auto watch = loop.watch(BorrowedFd(-1), EPOLLIN, [](uint32_t) {});
    FAIL() << "not refused";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::bad_file_descriptor);
  }
}

TEST(EventLoop, many_descriptors_are_all_served) {
  EventLoop loop;
  constexpr size_t kCount = 100;
  std::vector<EventFd> events(kCount);
  std::vector<EventLoop::Watch> watches;
  size_t calls = 0;
  for (EventFd& event : events) {
    watches.push_back(loop.watch(event.fd(), EPOLLIN, [&](uint32_t) {
      event.drain();
      if (++calls == kCount) loop.stop();
    }));
    event.signal();
  }
  loop.run();
  EXPECT_EQ(calls, kCount);
}

}  // namespace
}  // namespace redoubt
