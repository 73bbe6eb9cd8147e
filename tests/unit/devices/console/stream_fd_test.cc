// SPDX-License-Identifier: Apache-2.0
#include "devices/console/stream_fd.h"

#include <array>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <gtest/gtest.h>

#include "tests/unit/devices/console/support.h"

namespace redoubt {
namespace {

using Direction = StreamFd::Direction;

bool is_nonblocking(BorrowedFd fd) { return (::fcntl(fd.get(), F_GETFL) & O_NONBLOCK) != 0; }

void expect_never_blocks_when_read(BorrowedFd input) {
  const StreamFd stream = StreamFd::share(input, Direction::Read);
  std::array<std::byte, 16> bytes{};
  const auto size = stream.read(bytes);
  ASSERT_FALSE(size.has_value());
  EXPECT_TRUE(would_block(size.error()));
  EXPECT_FALSE(is_nonblocking(input));
}

TEST(StreamFd, shared_empty_pipe_would_block_and_keeps_its_flags) {
  const Ends pipe = make_pipe(0);
  expect_never_blocks_when_read(pipe.far);
}

TEST(StreamFd, shared_empty_socket_would_block_and_keeps_its_flags) {
  const Ends pair = make_socketpair(0);
  expect_never_blocks_when_read(pair.far);
}

TEST(StreamFd, shared_idle_terminal_would_block_and_keeps_its_flags) {
  const Ends terminal = make_terminal();
  expect_never_blocks_when_read(terminal.far);
}

void expect_never_blocks_when_written(BorrowedFd output) {
  const StreamFd stream = StreamFd::share(output, Direction::Write);
  const std::string block(4096, 'x');
  auto size = stream.write(bytes_of(block));
  for (int i = 0; size && i < 10'000; ++i) size = stream.write(bytes_of(block));
  ASSERT_FALSE(size.has_value());
  EXPECT_TRUE(would_block(size.error()));
  EXPECT_FALSE(is_nonblocking(output));
}

TEST(StreamFd, shared_full_pipe_would_block_and_keeps_its_flags) {
  const Ends pipe = make_pipe(0);
  expect_never_blocks_when_written(pipe.near);
}

TEST(StreamFd, shared_full_socket_would_block_and_keeps_its_flags) {
  const Ends pair = make_socketpair(0);
  expect_never_blocks_when_written(pair.near);
}

TEST(StreamFd, shared_full_terminal_would_block_and_keeps_its_flags) {
  const Ends terminal = make_terminal();
  expect_never_blocks_when_written(terminal.far);
}

TEST(StreamFd, end_of_input_is_zero) {
  Ends pipe = make_pipe(0);
  ASSERT_TRUE(write_text(pipe.near, "ab"));
  pipe.near.reset();
  const StreamFd stream = StreamFd::share(pipe.far, Direction::Read);
  std::array<std::byte, 16> bytes{};
  EXPECT_EQ(stream.read(bytes).value(), 2u);
  EXPECT_EQ(stream.read(bytes).value(), 0u);
}

TEST(StreamFd, shared_file_goes_on_where_the_others_are) {
  const TemporaryDirectory directory;
  const UniqueFd file(::open((directory / "log").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_TRUE(write_text(file, "before "));

  const StreamFd stream = StreamFd::share(file, Direction::Write);
  EXPECT_EQ(stream.write(bytes_of("ours ")).value(), 5u);

  ASSERT_TRUE(write_text(file, "after"));
  ::lseek(file.get(), 0, SEEK_SET);
  EXPECT_EQ(read_available(file), "before ours after");
}

TEST(StreamFd, closed_descriptor_cannot_be_shared) {
  int number = 0;
  { number = make_pipe().near.get(); }
  EXPECT_THROW((void)StreamFd::share(BorrowedFd(number), Direction::Read), std::system_error);
}

TEST(StreamFd, reader_that_left_is_an_error) {
  const IgnoreSigpipe ignore;
  Ends pipe = make_pipe();
  pipe.far.reset();
  const StreamFd stream(std::move(pipe.near));
  const auto size = stream.write(bytes_of("x"));
  ASSERT_FALSE(size.has_value());
  EXPECT_EQ(size.error(), std::errc::broken_pipe);
}

}  // namespace
}  // namespace redoubt
