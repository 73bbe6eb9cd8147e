// SPDX-License-Identifier: Apache-2.0
//
// What a port asks of a console backend beside bytes: room, and the size of a terminal.
#include <csignal>

#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "devices/console/pty_console.h"
#include "devices/console/socket_console.h"
#include "devices/console/stdio_console.h"
#include "devices/console/stream_console.h"
#include "devices/unix_socket.h"
#include "tests/unit/devices/console/support.h"
#include "tests/unit/devices/run_until.h"

namespace redoubt {
namespace {

void set_size(BorrowedFd tty, uint16_t columns, uint16_t rows) {
  const winsize size{.ws_row = rows, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
  ASSERT_EQ(::ioctl(tty.get(), TIOCSWINSZ, &size), 0);
}

class PortBackendTest : public ::testing::Test {
 protected:
  IgnoreSigpipe ignore_sigpipe;
  CapturedLog log;
  TemporaryDirectory directory;
  EventLoop loop;
};

// --- Room

TEST_F(PortBackendTest, console_that_discards_has_room_for_everything) {
  StreamConsole console(loop);
  console.write(bytes_of(std::string(100'000, 'x')));
  EXPECT_GT(console.output_room(), size_t{1} << 40);
}

TEST_F(PortBackendTest, socket_without_a_client_has_room_for_what_it_keeps) {
  SocketConsole console(loop, directory / "port");
  console.write(bytes_of("hello"));
  EXPECT_EQ(console.output_room(), ConsoleOutput::kCapacity - 5);
}

TEST_F(PortBackendTest, room_is_told_when_a_client_takes_the_output) {
  SocketConsole console(loop, directory / "port");
  bool told = false;
  console.watch_output_room([&] { told = console.output_room() == ConsoleOutput::kCapacity; });
  console.write(bytes_of(std::string(ConsoleOutput::kCapacity, 'x')));
  EXPECT_EQ(console.output_room(), 0u);
  run_some(loop);
  EXPECT_FALSE(told);

  const auto client = connect_unix(directory / "port");
  ASSERT_TRUE(client);
  EXPECT_TRUE(run_until(loop, [&] { return told; }));
}

TEST_F(PortBackendTest, output_that_broke_has_room_for_everything_and_tells) {
  const Ends input = make_pipe(0);
  Ends output = make_pipe(0);
  StdioConsole console(loop, input.far, output.near, [] {});
  bool told = false;
  console.watch_output_room([&] { told = console.output_room() > (size_t{1} << 40); });
  output.far.reset();
  console.write(bytes_of("x"));
  EXPECT_TRUE(run_until(loop, [&] { return told; }));
}

// --- Sizes

TEST_F(PortBackendTest, what_is_no_terminal_has_no_size) {
  const Ends input = make_pipe(0);
  const Ends output = make_pipe(0);
  const StdioConsole console(loop, input.far, output.near, [] {});
  EXPECT_EQ(console.terminal_size(), std::nullopt);
  EXPECT_EQ(StreamConsole(loop).terminal_size(), std::nullopt);
}

TEST_F(PortBackendTest, size_of_the_terminal_is_known) {
  const Ends terminal = make_terminal();
  const StdioConsole console(loop, terminal.far, terminal.far, [] {});
  EXPECT_EQ(console.terminal_size(), std::nullopt);  // nobody has set it
  set_size(terminal.near, 120, 50);
  EXPECT_EQ(console.terminal_size(), (TerminalSize{.columns = 120, .rows = 50}));
}

TEST_F(PortBackendTest, sigwinch_tells_of_a_new_size) {
  const Ends terminal = make_terminal();
  StdioConsole console(loop, terminal.far, terminal.far, [] {});
  int told = 0;
  console.watch_terminal_size([&] { ++told; });
  ASSERT_EQ(::raise(SIGWINCH), 0);
  EXPECT_TRUE(run_until(loop, [&] { return told == 1; }));
}

TEST_F(PortBackendTest, sigwinch_is_as_before_after_the_console) {
  {
    const Ends terminal = make_terminal();
    const StdioConsole console(loop, terminal.far, terminal.far, [] {});
  }
  sigset_t mask;
  ::pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  EXPECT_EQ(sigismember(&mask, SIGWINCH), 0);
}

TEST_F(PortBackendTest, size_that_a_user_gives_a_pseudo_terminal_is_seen) {
  const PtyConsole console(loop, {});
  EXPECT_EQ(console.terminal_size(), std::nullopt);
  const UniqueFd user(::open(console.terminal().c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_TRUE(user.valid());
  set_size(user, 90, 33);
  EXPECT_EQ(console.terminal_size(), (TerminalSize{.columns = 90, .rows = 33}));
}

}  // namespace
}  // namespace redoubt
