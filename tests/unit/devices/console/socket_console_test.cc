// SPDX-License-Identifier: Apache-2.0
#include "devices/console/socket_console.h"

#include <cstring>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/unit/devices/console/support.h"
#include "tests/unit/devices/run_until.h"
#include "vmm/base/setup_error.h"

namespace redoubt {
namespace {

namespace fs = std::filesystem;

sockaddr_un address_of(const fs::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  return address;
}

UniqueFd new_socket() { return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)); }

bool connect(BorrowedFd fd, const fs::path& path) {
  const sockaddr_un address = address_of(path);
  // SAFETY: connect() takes every kind of address as a sockaddr.
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

bool bind(BorrowedFd fd, const fs::path& path) {
  const sockaddr_un address = address_of(path);
  // SAFETY: bind() takes every kind of address as a sockaddr.
  return ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

bool at_end(BorrowedFd fd) {
  pollfd poller{.fd = fd.get(), .events = POLLRDHUP, .revents = 0};
  return ::poll(&poller, 1, 0) > 0 && (poller.revents & (POLLHUP | POLLRDHUP)) != 0;
}

class SocketConsoleTest : public ::testing::Test {
 protected:
  UniqueFd client() {
    UniqueFd fd = new_socket();
    EXPECT_TRUE(connect(fd, path));
    return fd;
  }
  void take_input(SocketConsole& console) {
    console.connect([this](std::span<const std::byte> bytes) {
      const size_t size = std::min(room, bytes.size());
      received += text_of(bytes.first(size));
      room -= size;
      return size;
    });
  }
  bool shows(BorrowedFd user, const std::string& text) {
    std::string seen;
    return run_until(loop, [&] {
      seen += read_available(user);
      return seen == text;
    });
  }

  IgnoreSigpipe ignore_sigpipe;
  CapturedLog log;
  TemporaryDirectory directory;
  fs::path path = directory / "console.sock";
  EventLoop loop;
  std::string received;
  size_t room = 1'000'000;
};

TEST_F(SocketConsoleTest, output_and_input_pass) {
  SocketConsole console(loop, path);
  take_input(console);
  const UniqueFd user = client();
  console.write(bytes_of("login:"));
  ASSERT_TRUE(write_text(user, "root\r"));
  EXPECT_TRUE(shows(user, "login:"));
  EXPECT_TRUE(run_until(loop, [&] { return received == "root\r"; }));
}

TEST_F(SocketConsoleTest, late_client_sees_the_boot) {
  SocketConsole console(loop, path);
  console.write(bytes_of("boot\n"));
  run_some(loop);
  const UniqueFd user = client();
  EXPECT_TRUE(shows(user, "boot\n"));
}

TEST_F(SocketConsoleTest, flood_without_a_client_keeps_its_end) {
  SocketConsole console(loop, path);
  for (int i = 0; i < 200'000; ++i) console.write(bytes_of("x"));
  console.write(bytes_of("end"));
  const UniqueFd user = client();
  std::string seen;
  EXPECT_TRUE(run_until(loop, [&] {
    seen += read_available(user);
    return seen.size() == 65'536;
  }));
  EXPECT_TRUE(seen.ends_with("end"));
  EXPECT_EQ(console.lost_output(), 0u);
}

TEST_F(SocketConsoleTest, client_may_leave_and_another_follows) {
  SocketConsole console(loop, path);
  take_input(console);
  for (int i = 0; i < 3; ++i) {
    const UniqueFd user = client();
    console.write(bytes_of("hello"));
    EXPECT_TRUE(shows(user, "hello"));
  }
}

TEST_F(SocketConsoleTest, second_client_is_turned_away_and_the_first_stays) {
  SocketConsole console(loop, path);
  const UniqueFd first = client();
  ASSERT_TRUE(run_until(loop, [&] { return log.has("a client has come"); }));

  const UniqueFd second = client();

  EXPECT_TRUE(run_until(loop, [&] { return at_end(second); }));
  console.write(bytes_of("still here"));
  EXPECT_TRUE(shows(first, "still here"));
}

TEST_F(SocketConsoleTest, client_that_left_while_the_guest_did_not_read_makes_room) {
  SocketConsole console(loop, path);
  room = 0;
  take_input(console);
  {
    const UniqueFd first = client();
    ASSERT_TRUE(write_text(first, "typed"));
    run_some(loop);
  }
  run_some(loop);
  const UniqueFd second = client();
  console.write(bytes_of("hello"));
  EXPECT_TRUE(shows(second, "hello"));
}

TEST_F(SocketConsoleTest, client_that_ended_its_side_still_reads_ours) {
  SocketConsole console(loop, path);
  take_input(console);
  const UniqueFd user = client();
  ASSERT_TRUE(write_text(user, "command\n"));
  ASSERT_EQ(::shutdown(user.get(), SHUT_WR), 0);
  ASSERT_TRUE(run_until(loop, [&] { return received == "command\n"; }));
  run_some(loop);
  console.write(bytes_of("answer"));
  EXPECT_TRUE(shows(user, "answer"));
}

TEST_F(SocketConsoleTest, output_that_a_leaving_client_did_not_take_is_for_the_next) {
  SocketConsole console(loop, path);
  {
    const UniqueFd user = client();
    ASSERT_TRUE(run_until(loop, [&] { return log.has("a client has come"); }));
  }
  console.write(bytes_of("missed"));
  ASSERT_TRUE(run_until(loop, [&] { return log.has("the client has gone"); }));
  const UniqueFd next = client();
  EXPECT_TRUE(shows(next, "missed"));
}

TEST_F(SocketConsoleTest, client_that_does_not_read_does_not_block_the_guest) {
  SocketConsole console(loop, path);
  const UniqueFd user = client();
  run_some(loop);
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 50'000; ++i) console.write(bytes_of("x"));
    run_some(loop);
  }
  EXPECT_GT(console.lost_output(), 0u);
}

TEST_F(SocketConsoleTest, storm_of_clients_is_survived) {
  SocketConsole console(loop, path);
  take_input(console);
  for (int i = 0; i < 200; ++i) {
    { const UniqueFd user = client(); }
    run_some(loop);
  }
  const UniqueFd user = client();
  console.write(bytes_of("hello"));
  EXPECT_TRUE(shows(user, "hello"));
}

TEST_F(SocketConsoleTest, socket_is_for_its_owner_and_goes_with_the_console) {
  {
    const SocketConsole console(loop, path);
    struct stat status {};
    ASSERT_EQ(::lstat(path.c_str(), &status), 0);
    EXPECT_TRUE(S_ISSOCK(status.st_mode));
    EXPECT_EQ(status.st_mode & 0777, 0600u);
  }
  EXPECT_FALSE(fs::exists(fs::symlink_status(path)));
}

TEST_F(SocketConsoleTest, socket_without_a_listener_is_replaced) {
  {
    const UniqueFd dead = new_socket();
    ASSERT_TRUE(bind(dead, path));
  }
  SocketConsole console(loop, path);
  const UniqueFd user = client();
  console.write(bytes_of("hello"));
  EXPECT_TRUE(shows(user, "hello"));
}

TEST_F(SocketConsoleTest, socket_in_use_is_refused_and_kept) {
  const SocketConsole console(loop, path);
  try {
    const SocketConsole second(loop, path);
    FAIL() << "not refused";
  } catch (const SetupError& error) {
    EXPECT_NE(std::string(error.what()).find("another process listens there"), std::string::npos);
    EXPECT_FALSE(error.remedy().empty());
  }
  EXPECT_TRUE(fs::is_socket(path));
}

TEST_F(SocketConsoleTest, what_is_no_socket_is_refused_and_kept) {
  ASSERT_TRUE(UniqueFd(::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)).valid());
  EXPECT_THROW(SocketConsole(loop, path), SetupError);
  EXPECT_TRUE(fs::is_regular_file(path));
}

TEST_F(SocketConsoleTest, path_too_long_for_a_socket_is_refused) {
  try {
    const SocketConsole console(loop, directory / std::string(200, 'x'));
    FAIL() << "not refused";
  } catch (const SetupError& error) {
    EXPECT_NE(error.remedy().find("107 bytes"), std::string::npos);
  }
}

TEST_F(SocketConsoleTest, missing_directory_is_refused) {
  EXPECT_THROW(SocketConsole(loop, directory / "none" / "sock"), SetupError);
}

TEST_F(SocketConsoleTest, socket_that_somebody_replaced_is_not_removed) {
  const UniqueFd other = new_socket();
  {
    const SocketConsole console(loop, path);
    fs::remove(path);
    ASSERT_TRUE(bind(other, path));
  }
  EXPECT_TRUE(fs::is_socket(path));
}

}  // namespace
}  // namespace redoubt
