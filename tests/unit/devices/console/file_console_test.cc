// SPDX-License-Identifier: Apache-2.0
#include "devices/console/file_console.h"

#include <memory>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/unit/devices/console/support.h"
#include "tests/unit/devices/run_until.h"
#include "vmm/base/setup_error.h"

namespace redoubt {
namespace {

class FileConsoleTest : public ::testing::Test {
 protected:
  [[nodiscard]] static std::string content(const std::filesystem::path& path) {
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    return read_available(file);
  }

  CapturedLog log;
  TemporaryDirectory directory;
  EventLoop loop;
};

TEST_F(FileConsoleTest, everything_is_in_the_file_when_the_console_ends) {
  const auto path = directory / "log";
  {
    FileConsole console(loop, path);
    console.write(bytes_of("boot\n"));
    console.write(bytes_of("off\n"));
  }
  EXPECT_EQ(content(path), "boot\noff\n");
}

TEST_F(FileConsoleTest, file_belongs_to_its_owner_alone) {
  const auto path = directory / "log";
  const FileConsole console(loop, path);
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(FileConsoleTest, file_that_is_there_is_emptied) {
  const auto path = directory / "log";
  { FileConsole(loop, path).write(bytes_of("a long old text")); }
  { FileConsole(loop, path).write(bytes_of("new")); }
  EXPECT_EQ(content(path), "new");
}

TEST_F(FileConsoleTest, missing_directory_is_refused_with_path_and_remedy) {
  const auto path = directory / "none" / "log";
  try {
    const FileConsole console(loop, path);
    FAIL() << "not refused";
  } catch (const SetupError& error) {
    EXPECT_EQ(std::string(error.what()),
              "console: cannot write to " + path.string() + ": No such file or directory");
    EXPECT_FALSE(error.remedy().empty());
  }
}

TEST_F(FileConsoleTest, directory_is_refused) {
  EXPECT_THROW(FileConsole(loop, directory / "."), SetupError);
}

TEST_F(FileConsoleTest, fifo_without_a_reader_is_refused_instead_of_waiting_for_one) {
  const auto path = directory / "fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_THROW(FileConsole(loop, path), SetupError);
}

TEST_F(FileConsoleTest, input_is_never_asked_for) {
  FileConsole console(loop, directory / "log");
  size_t offers = 0;
  console.connect([&](std::span<const std::byte> bytes) {
    ++offers;
    return bytes.size();
  });
  console.input_wanted();
  run_some(loop);
  EXPECT_EQ(offers, 0u);
}

}  // namespace
}  // namespace redoubt
