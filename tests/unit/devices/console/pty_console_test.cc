// SPDX-License-Identifier: Apache-2.0
#include "devices/console/pty_console.h"

#include <optional>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <termios.h>

#include "tests/unit/devices/console/support.h"
#include "tests/unit/devices/run_until.h"
#include "vmm/base/setup_error.h"

namespace redoubt {
namespace {

namespace fs = std::filesystem;

class PtyConsoleTest : public ::testing::Test {
 protected:
  void connect(PtyConsole& console) {
    console.connect([this](std::span<const std::byte> bytes) {
      received += text_of(bytes);
      return bytes.size();
    });
  }
  [[nodiscard]] static UniqueFd open(const fs::path& path) {
    return UniqueFd(::open(path.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  }
  // What a user of the terminal reads, until it is `text`.
  bool shows(BorrowedFd user, const std::string& text) {
    std::string seen;
    return run_until(loop, [&] {
      seen += read_available(user);
      return seen == text;
    });
  }

  CapturedLog log;
  TemporaryDirectory directory;
  EventLoop loop;
  std::string received;
};

TEST_F(PtyConsoleTest, output_and_input_pass_unchanged) {
  PtyConsole console(loop, {});
  connect(console);
  const UniqueFd user = open(console.terminal());

  console.write(bytes_of("login:\n\x01\x04"));
  ASSERT_TRUE(write_text(user, "root\r\x03"));

  EXPECT_TRUE(shows(user, "login:\n\x01\x04"));
  EXPECT_TRUE(run_until(loop, [&] { return received == "root\r\x03"; }));
}

TEST_F(PtyConsoleTest, its_name_is_logged) {
  const PtyConsole console(loop, {});
  EXPECT_TRUE(log.has("console: terminal " + console.terminal()));
}

TEST_F(PtyConsoleTest, users_come_and_go_and_miss_nothing) {
  PtyConsole console(loop, {});
  connect(console);
  console.write(bytes_of("boot\n"));
  for (int i = 0; i < 3; ++i) {
    const UniqueFd user = open(console.terminal());
    console.write(bytes_of("hello"));
    EXPECT_TRUE(shows(user, i == 0 ? "boot\nhello" : "hello"));
  }
  const UniqueFd user = open(console.terminal());
  ASSERT_TRUE(write_text(user, "x"));
  EXPECT_TRUE(run_until(loop, [&] { return received == "x"; }));
}

TEST_F(PtyConsoleTest, nothing_is_dispatched_while_nobody_uses_it) {
  PtyConsole console(loop, {});
  connect(console);
  { const UniqueFd user = open(console.terminal()); }
  run_some(loop);
  EXPECT_EQ(received, "");
}

TEST_F(PtyConsoleTest, flood_without_a_user_is_survived) {
  PtyConsole console(loop, {});
  for (int i = 0; i < 300'000; ++i) console.write(bytes_of("z"));
  run_some(loop);
  const UniqueFd user = open(console.terminal());
  EXPECT_TRUE(run_until(loop, [&] { return !read_available(user).empty(); }));
}

TEST_F(PtyConsoleTest, link_leads_to_the_terminal_and_goes_with_it) {
  const auto link = directory / "console";
  {
    const PtyConsole console(loop, link);
    EXPECT_EQ(fs::read_symlink(link).string(), console.terminal());
  }
  EXPECT_FALSE(fs::is_symlink(link));
}

TEST_F(PtyConsoleTest, link_left_by_a_run_that_was_killed_is_replaced) {
  const auto link = directory / "console";
  fs::create_symlink("/dev/pts/999999", link);
  const PtyConsole console(loop, link);
  EXPECT_EQ(fs::read_symlink(link).string(), console.terminal());
}

TEST_F(PtyConsoleTest, link_to_a_living_terminal_is_refused_and_kept) {
  const PtyConsole other(loop, {});
  const auto link = directory / "console";
  fs::create_symlink(other.terminal(), link);
  EXPECT_THROW(PtyConsole(loop, link), SetupError);
  EXPECT_EQ(fs::read_symlink(link).string(), other.terminal());
}

TEST_F(PtyConsoleTest, anything_else_at_the_links_place_is_refused_and_kept) {
  const auto file = directory / "file";
  ASSERT_TRUE(UniqueFd(::open(file.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)).valid());
  const auto foreign = directory / "foreign";
  fs::create_symlink("/nowhere", foreign);

  EXPECT_THROW(PtyConsole(loop, file), SetupError);
  EXPECT_THROW(PtyConsole(loop, foreign), SetupError);
  EXPECT_THROW(PtyConsole(loop, directory / "."), SetupError);

  EXPECT_TRUE(fs::is_regular_file(file));
  EXPECT_EQ(fs::read_symlink(foreign).string(), "/nowhere");
}

TEST_F(PtyConsoleTest, link_in_a_missing_directory_is_refused_with_a_remedy) {
  try {
    const PtyConsole console(loop, directory / "none" / "console");
    FAIL() << "not refused";
  } catch (const SetupError& error) {
    EXPECT_NE(std::string(error.what()).find("No such file"), std::string::npos);
    EXPECT_FALSE(error.remedy().empty());
  }
}

TEST_F(PtyConsoleTest, link_that_somebody_replaced_is_not_removed) {
  const auto link = directory / "console";
  {
    const PtyConsole console(loop, link);
    fs::remove(link);
    fs::create_symlink("/nowhere", link);
  }
  EXPECT_EQ(fs::read_symlink(link).string(), "/nowhere");
}

}  // namespace
}  // namespace redoubt
