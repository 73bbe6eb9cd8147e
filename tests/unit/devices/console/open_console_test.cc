// SPDX-License-Identifier: Apache-2.0
#include "devices/console/open_console.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/unit/devices/console/support.h"
#include "tests/unit/devices/run_until.h"

namespace redoubt {
namespace {

namespace fs = std::filesystem;

class OpenConsole : public ::testing::Test {
 protected:
  std::unique_ptr<ConsoleBackend> open(ConsoleKind kind, const fs::path& path) {
    return open_console({.kind = kind, .path = path}, loop, [] {});
  }

  CapturedLog log;
  TemporaryDirectory directory;
  EventLoop loop;
};

TEST_F(OpenConsole, file_writes_into_the_file) {
  open(ConsoleKind::File, directory / "log")->write(bytes_of("text"));
  EXPECT_EQ(fs::file_size(directory / "log"), 4u);
}

TEST_F(OpenConsole, socket_listens_at_the_path) {
  const auto console = open(ConsoleKind::Socket, directory / "socket");
  EXPECT_TRUE(fs::is_socket(directory / "socket"));
}

TEST_F(OpenConsole, pty_makes_the_link) {
  const auto console = open(ConsoleKind::Pty, directory / "link");
  EXPECT_TRUE(fs::is_symlink(directory / "link"));
}

TEST_F(OpenConsole, none_swallows_everything) {
  const auto console = open(ConsoleKind::None, {});
  for (int i = 0; i < 100'000; ++i) console->write(bytes_of("x"));
  console->input_wanted();
  run_some(loop);
  console->flush();
  EXPECT_EQ(log.text(), "");
}

}  // namespace
}  // namespace redoubt
