// SPDX-License-Identifier: Apache-2.0
#include "devices/console/console_input.h"

#include <algorithm>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>

#include "tests/rounds.h"
#include "tests/unit/devices/console/support.h"
#include "tests/unit/devices/run_until.h"

namespace redoubt {
namespace {

class ConsoleInputTest : public ::testing::Test {
 protected:
  // A guest that takes at most `room` bytes until it is given more.
  size_t take(std::span<const std::byte> bytes) {
    const size_t size = std::min(room, bytes.size());
    received += text_of(bytes.first(size));
    room -= size;
    return size;
  }
  void connect() {
    input.connect([this](std::span<const std::byte> bytes) { return take(bytes); });
  }
  void give_room(size_t size) {
    room += size;
    input.wanted();
  }
  bool receive(const std::string& text) {
    return run_until(loop, [&] { return received == text; });
  }

  CapturedLog log;
  EventLoop loop;
  ConsoleInput input{loop};
  std::string received;
  size_t room = 1'000'000'000;
  int ends = 0;
};

TEST_F(ConsoleInputTest, bytes_reach_the_guest) {
  const Ends pipe = make_pipe();
  connect();
  input.attach(StreamFd::share(pipe.far, StreamFd::Direction::Read), {});
  ASSERT_TRUE(write_text(pipe.near, "hello"));
  EXPECT_TRUE(receive("hello"));
}

TEST_F(ConsoleInputTest, refused_bytes_are_offered_again_when_wanted) {
  const Ends pipe = make_pipe();
  room = 2;
  connect();
  input.attach(StreamFd::share(pipe.far, StreamFd::Direction::Read), {});
  ASSERT_TRUE(write_text(pipe.near, "hello"));
  ASSERT_TRUE(receive("he"));
  run_some(loop);
  ASSERT_EQ(received, "he");

  give_room(2);
  ASSERT_TRUE(receive("hell"));
  give_room(2);
  EXPECT_TRUE(receive("hello"));
}

TEST_F(ConsoleInputTest, flood_stays_outside_while_the_guest_does_not_read) {
  const Ends pipe = make_pipe();
  room = 0;
  connect();
  input.attach(StreamFd::share(pipe.far, StreamFd::Direction::Read), {});
  size_t accepted = fill(pipe.near);
  const size_t capacity = accepted;
  run_some(loop);

  // At most one read of 4 KiB was taken out of the pipe.
  accepted += fill(pipe.near);
  EXPECT_LE(accepted, capacity + 4096);

  room = accepted;
  input.wanted();
  EXPECT_TRUE(run_until(loop, [&] { return received.size() == accepted; }));
}

TEST_F(ConsoleInputTest, hundred_megabytes_go_through_a_small_window) {
  const UniqueFd zero(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
  const size_t wanted = rounds(size_t{100} << 20);
  size_t total = 0;
  input.connect([&](std::span<const std::byte> bytes) {
    const size_t size = std::min<size_t>(3000, bytes.size());
    total += size;
    if (size < bytes.size()) input.wanted();
    return size;
  });

  input.attach(StreamFd::share(zero, StreamFd::Direction::Read), {});

  EXPECT_TRUE(run_until(loop, [&] { return total >= wanted; }));
}

TEST_F(ConsoleInputTest, end_of_a_pipe_is_told_once_and_after_its_last_bytes) {
  Ends pipe = make_pipe();
  connect();
  input.attach(StreamFd::share(pipe.far, StreamFd::Direction::Read), [this] { ++ends; });
  ASSERT_TRUE(write_text(pipe.near, "last"));
  pipe.near.reset();

  EXPECT_TRUE(run_until(loop, [&] { return ends > 0; }));
  run_some(loop);

  EXPECT_EQ(received, "last");
  EXPECT_EQ(ends, 1);
  EXPECT_FALSE(input.attached());
}

TEST_F(ConsoleInputTest, bytes_read_before_the_end_are_delivered_after_it) {
  Ends pipe = make_pipe();
  room = 0;
  connect();
  input.attach(StreamFd::share(pipe.far, StreamFd::Direction::Read), {});
  ASSERT_TRUE(write_text(pipe.near, "last"));
  pipe.near.reset();
  run_some(loop);

  give_room(100);

  EXPECT_TRUE(receive("last"));
}

TEST_F(ConsoleInputTest, file_is_read_to_its_end) {
  const TemporaryDirectory directory;
  const std::string path = (directory / "in").string();
  const UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  const std::string text(20'000, 'i');
  ASSERT_TRUE(write_text(file, text));
  ::lseek(file.get(), 0, SEEK_SET);
  connect();

  input.attach(StreamFd::share(file, StreamFd::Direction::Read), [this] { ++ends; });

  EXPECT_TRUE(run_until(loop, [&] { return ends == 1; }));
  EXPECT_EQ(received, text);
}

TEST_F(ConsoleInputTest, dev_null_ends_at_once) {
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  connect();
  input.attach(StreamFd::share(null, StreamFd::Direction::Read), [this] { ++ends; });
  EXPECT_TRUE(run_until(loop, [&] { return ends == 1; }));
}

TEST_F(ConsoleInputTest, guest_that_comes_later_gets_what_was_typed) {
  const Ends pipe = make_pipe();
  input.attach(StreamFd::share(pipe.far, StreamFd::Direction::Read), {});
  ASSERT_TRUE(write_text(pipe.near, "early"));
  run_some(loop);
  connect();
  EXPECT_TRUE(receive("early"));
}

TEST_F(ConsoleInputTest, guest_that_has_gone_is_not_called) {
  const Ends pipe = make_pipe();
  connect();
  input.attach(StreamFd::share(pipe.far, StreamFd::Direction::Read), {});
  input.connect({});
  ASSERT_TRUE(write_text(pipe.near, "x"));
  run_some(loop);
  EXPECT_EQ(received, "");
}

TEST_F(ConsoleInputTest, paused_stream_is_left_alone) {
  const Ends pipe = make_pipe();
  connect();
  input.attach(StreamFd::share(pipe.far, StreamFd::Direction::Read), {});
  input.pause();
  ASSERT_TRUE(write_text(pipe.near, "x"));
  run_some(loop);
  EXPECT_EQ(received, "");

  input.resume();

  EXPECT_TRUE(receive("x"));
}

TEST_F(ConsoleInputTest, terminal_is_filtered_and_read_even_if_the_guest_takes_nothing) {
  const Ends pipe = make_pipe();
  room = 0;
  connect();
  size_t seen = 0;
  input.attach_terminal(StreamFd::share(pipe.far, StreamFd::Direction::Read),
                        [&](std::span<std::byte> typed) {
                          seen += typed.size();
                          return typed.size();
                        },
                        {});

  for (int i = 0; i < 40; ++i) {
    const size_t before = seen;
    ASSERT_TRUE(write_text(pipe.near, std::string(4096, 't')));
    ASSERT_TRUE(run_until(loop, [&] { return seen == before + 4096; }));
  }

  // 64 KiB of it are kept.
  EXPECT_TRUE(log.has("does not read its input"));
  give_room(1'000'000);
  EXPECT_TRUE(run_until(loop, [&] { return received.size() == 65'536; }));
  run_some(loop);
  EXPECT_EQ(received.size(), 65'536u);
}

}  // namespace
}  // namespace redoubt
