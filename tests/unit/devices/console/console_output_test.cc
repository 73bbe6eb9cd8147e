// SPDX-License-Identifier: Apache-2.0
#include "devices/console/console_output.h"

#include <atomic>
#include <string>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "tests/rounds.h"
#include "tests/unit/devices/console/support.h"
#include "tests/unit/devices/run_until.h"

namespace redoubt {
namespace {

class ConsoleOutputTest : public ::testing::Test {
 protected:
  // Reads from `fd` while the loop runs, until as much as `size` has come.
  std::string collect(BorrowedFd fd, size_t size) {
    std::string text;
    EXPECT_TRUE(run_until(loop, [&] {
      text += read_available(fd);
      return text.size() >= size;
    }));
    return text;
  }

  IgnoreSigpipe ignore_sigpipe;
  CapturedLog log;
  EventLoop loop;
  ConsoleOutput output{loop};
};

TEST_F(ConsoleOutputTest, bytes_reach_the_stream_in_order) {
  Ends pipe = make_pipe();
  output.attach(StreamFd(std::move(pipe.near)), {});
  for (const char character : std::string("hello\n")) output.write(bytes_of({&character, 1}));
  EXPECT_EQ(collect(pipe.far, 6), "hello\n");
}

TEST_F(ConsoleOutputTest, output_goes_on_after_it_was_empty) {
  Ends pipe = make_pipe();
  output.attach(StreamFd(std::move(pipe.near)), {});
  for (int i = 0; i < 5; ++i) {
    output.write(bytes_of("again"));
    EXPECT_EQ(collect(pipe.far, 5), "again");
  }
}

TEST_F(ConsoleOutputTest, what_was_written_before_attaching_is_kept) {
  output.write(bytes_of("early"));
  Ends pipe = make_pipe();
  output.attach(StreamFd(std::move(pipe.near)), {});
  EXPECT_EQ(collect(pipe.far, 5), "early");
}

TEST_F(ConsoleOutputTest,
       without_a_stream_the_newest_64_kibibytes_are_kept_and_none_counts_as_lost) {
  for (int i = 0; i < 100'000; ++i) output.write(bytes_of("x"));
  output.write(bytes_of("end"));
  Ends pipe = make_pipe();
  output.attach(StreamFd(std::move(pipe.near)), {});

  const std::string text = collect(pipe.far, 65'536);

  EXPECT_EQ(text.size(), 65'536u);
  EXPECT_TRUE(text.ends_with("xend"));
  EXPECT_EQ(output.lost(), 0u);
}

TEST_F(ConsoleOutputTest, flood_with_nobody_reading_does_not_block_and_counts_what_is_lost) {
  Ends pipe = make_pipe();
  const size_t in_pipe = fill(pipe.near);
  ASSERT_GT(in_pipe, 0u);
  output.attach(StreamFd(std::move(pipe.near)), {});
  run_some(loop);

  std::thread vcpu([this] {
    for (int i = 0; i < 1'000'000; ++i) output.write(bytes_of("y"));
  });
  vcpu.join();

  EXPECT_EQ(output.lost(), 1'000'000u - 65'536u);
  EXPECT_TRUE(run_until(loop, [&] { return log.has("not read fast enough"); }));
  // When the reader comes back, it gets what was there and the newest of the flood.
  const std::string text = collect(pipe.far, in_pipe + 65'536);
  EXPECT_EQ(text.size(), in_pipe + 65'536);
  EXPECT_EQ(text.back(), 'y');
}

TEST_F(ConsoleOutputTest, flood_with_a_reader_loses_nothing_that_is_not_counted) {
  Ends pipe = make_pipe();
  output.attach(StreamFd(std::move(pipe.near)), {});
  const size_t total = rounds(size_t{500'000});
  std::atomic<bool> done = false;
  std::thread vcpu([&] {
    for (size_t i = 0; i < total; ++i) output.write(bytes_of("z"));
    done = true;
  });

  size_t received = 0;
  EXPECT_TRUE(run_until(loop, [&] {
    received += read_available(pipe.far).size();
    return done && received + output.lost() == total;
  }));
  vcpu.join();
}

TEST_F(ConsoleOutputTest, reader_that_leaves_is_told_once_and_the_rest_is_kept) {
  Ends pipe = make_pipe();
  std::string reason;
  int times = 0;
  output.attach(StreamFd(std::move(pipe.near)), [&](const std::error_code& error) {
    reason = error.message();
    ++times;
  });
  pipe.far.reset();

  output.write(bytes_of("unread"));

  EXPECT_TRUE(run_until(loop, [&] { return times > 0; }));
  EXPECT_EQ(reason, "Broken pipe");
  EXPECT_FALSE(output.attached());
  for (int i = 0; i < 100'000; ++i) output.write(bytes_of("x"));
  run_some(loop);
  EXPECT_EQ(times, 1);
}

TEST_F(ConsoleOutputTest, file_gets_everything_on_flush) {
  const TemporaryDirectory directory;
  const std::string path = (directory / "out").string();
  output.attach(StreamFd(UniqueFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600))), {});
  const std::string text(60'000, 'f');
  output.write(bytes_of(text));

  output.flush();

  EXPECT_EQ(std::filesystem::file_size(path), text.size());
  EXPECT_EQ(output.lost(), 0u);
}

TEST_F(ConsoleOutputTest, file_is_written_by_the_loop) {
  const TemporaryDirectory directory;
  const std::string path = (directory / "out").string();
  output.attach(StreamFd(UniqueFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600))), {});
  output.write(bytes_of("text"));
  EXPECT_TRUE(run_until(loop, [&] { return std::filesystem::file_size(path) == 4; }));
}

TEST_F(ConsoleOutputTest, full_disk_is_told_once_and_output_goes_on_when_there_is_room) {
  const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  if (!full.valid()) GTEST_SKIP() << "no /dev/full here";
  output.attach(StreamFd(UniqueFd(::dup(full.get()))), {});
  for (int i = 0; i < 10; ++i) {
    output.write(bytes_of("lost"));
    EXPECT_TRUE(run_until(loop, [&] { return output.lost() == static_cast<size_t>(4 * (i + 1)); }));
  }

  const std::string text = log.text();
  const size_t first = text.find("No space left on device");
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(text.find("No space left on device", first + 1), std::string::npos);
  EXPECT_TRUE(output.attached());
}

TEST_F(ConsoleOutputTest, flush_gives_up_on_a_reader_that_does_not_read) {
  Ends pipe = make_pipe();
  fill(pipe.near);
  output.attach(StreamFd(std::move(pipe.near)), {});
  output.write(bytes_of("never read"));

  output.flush();

  EXPECT_EQ(output.lost(), 10u);
}

TEST_F(ConsoleOutputTest, flush_waits_for_a_reader_that_reads) {
  Ends pipe = make_pipe();
  const size_t in_pipe = fill(pipe.near);
  output.attach(StreamFd(std::move(pipe.near)), {});
  output.write(bytes_of(std::string(65'536, 'w')));
  std::string text;
  std::thread reader([&] {
    while (text.size() < in_pipe + 65'536) text += read_available(pipe.far);
  });

  output.flush();
  reader.join();

  EXPECT_EQ(output.lost(), 0u);
}

TEST_F(ConsoleOutputTest, flush_without_a_stream_returns) {
  output.write(bytes_of("x"));
  output.flush();
  EXPECT_EQ(output.lost(), 0u);
}

TEST_F(ConsoleOutputTest, flush_after_the_reader_left_returns) {
  Ends pipe = make_pipe();
  output.attach(StreamFd(std::move(pipe.near)), {});
  pipe.far.reset();
  output.write(bytes_of("x"));
  output.flush();
  EXPECT_FALSE(output.attached());
}

}  // namespace
}  // namespace redoubt
