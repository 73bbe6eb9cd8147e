// SPDX-License-Identifier: Apache-2.0
//
// A console that is flooded, blocked, or left: neither a guest nor a user can stall or grow the
// VMM.
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include "tests/board/suite/support/needs.h"
#include "tests/board/suite/support/redoubt_process.h"
#include "tests/board/suite/support/scratch_folder.h"
#include "vmm/base/unique_fd.h"

namespace redoubt::suite {
namespace {

namespace fs = std::filesystem;

class BootConsole : public testing::Test {
 protected:
  ScratchFolder directory_;
};

// What the process has in memory besides the guest's RAM and page tables: anonymous memory that
// belongs to no large mapping.
uint64_t small_mappings_kb(pid_t pid) {
  std::ifstream maps("/proc/" + std::to_string(pid) + "/smaps");
  uint64_t total = 0;
  bool small = true;
  for (std::string line; std::getline(maps, line);) {
    if (const size_t dash = line.find('-'); dash != std::string::npos && dash < 20) {
      const uint64_t start = std::stoull(line, nullptr, 16);
      const uint64_t end = std::stoull(line.substr(dash + 1), nullptr, 16);
      small = end - start < (uint64_t{32} << 20);
    } else if (small && line.starts_with("Rss:")) {
      total += std::stoull(line.substr(4));
    }
  }
  return total;
}

// Nobody reads standard output: the pipe (one page) and redoubt's own buffer (64 KiB) fill, and the
// guest still runs to its end.
TEST_F(BootConsole, blocked_reader_does_not_stall_the_guest) {
  REDOUBT_NEEDS_KVM(false);
  // Not protected: its exits, one for each character, are the cheaper ones.
  Launch launch{run_flat("flood-flat.bin", false, {"--set=boot.cmdline=flood=73728"})};
  launch.prepare = [] { ::fcntl(STDOUT_FILENO, F_SETPIPE_SZ, 4096); };
  RedoubtProcess redoubt(launch);

  EXPECT_EQ(redoubt.wait_exit_unread(), 0);
}

TEST_F(BootConsole, flood_with_a_reader_arrives_complete_and_in_order) {
  REDOUBT_NEEDS_KVM(true);
  RedoubtProcess redoubt({run_linux({.mode = "flood=4K"})});

  EXPECT_EQ(redoubt.wait_exit(), 0) << redoubt.output();

  size_t at = 0;
  for (int line = 0; line < 64; ++line) {
    std::string number = std::to_string(line);
    number.insert(0, 12 - number.size(), '0');
    at = redoubt.output().find("flood: " + number, at);
    ASSERT_NE(at, std::string::npos) << "line " << line << " is missing";
  }
}

TEST_F(BootConsole, input_that_the_guest_never_reads_does_not_grow_the_vmm) {
  REDOUBT_NEEDS_KVM(true);
  RedoubtProcess redoubt({run_flat("spin-flat.bin", true)});
  ASSERT_TRUE(redoubt.wait_for("protected guest")) << redoubt.output();
  redoubt.read_for(std::chrono::milliseconds(500));
  const uint64_t before = small_mappings_kb(redoubt.pid());

  // The pipe holds 64 KiB; what redoubt took besides is what it keeps.
  const int input = ::open(("/proc/" + std::to_string(redoubt.pid()) + "/fd/0").c_str(),
                           O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(input, 0);
  const UniqueFd pipe(input);
  const std::string chunk(4096, 'x');
  size_t taken = 0;
  for (int refused = 0; refused < 20 && taken < (size_t{100} << 20);) {
    const ssize_t written = ::write(pipe.get(), chunk.data(), chunk.size());
    if (written > 0) {
      taken += static_cast<size_t>(written);
      refused = 0;
    } else {
      ++refused;
      redoubt.read_for(std::chrono::milliseconds(20));
    }
  }

  EXPECT_LT(taken, size_t{1} << 20);
  EXPECT_LE(small_mappings_kb(redoubt.pid()), before + 256);
  redoubt.signal(SIGTERM);
  EXPECT_EQ(redoubt.wait_exit(), 143) << redoubt.output();
}

UniqueFd connect_to(const fs::path& path) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  // SAFETY: how the socket calls take every kind of address.
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    fd.reset();
  }
  return fd;
}

std::string read_until(BorrowedFd fd, const std::string& text) {
  std::string all;
  std::array<char, 4096> buffer{};
  pollfd source{fd.get(), POLLIN, 0};
  while (all.find(text) == std::string::npos) {
    if (::poll(&source, 1, static_cast<int>(std::chrono::milliseconds(kPatience).count())) != 1)
      break;
    const ssize_t size = ::read(fd.get(), buffer.data(), buffer.size());
    if (size <= 0) break;
    all.append(buffer.data(), static_cast<size_t>(size));
  }
  return all;
}

TEST_F(BootConsole, socket_serves_one_client_after_another) {
  REDOUBT_NEEDS_KVM(true);
  const fs::path path = directory_ / "console";
  RedoubtProcess redoubt(
      {run_linux({.mode = "shell",
                  .more = {"--set=console.type=socket", "--set=console.path=" + path.string()}})});
  UniqueFd first;
  for (int i = 0; i < 200 && !first.valid(); ++i) {
    redoubt.read_for(std::chrono::milliseconds(50));
    first = connect_to(path);
  }
  ASSERT_TRUE(first.valid()) << redoubt.output();
  const std::string boot = read_until(first, "userspace reached");
  EXPECT_NE(boot.find("redoubt-guest: userspace reached"), std::string::npos) << boot;

  first.reset();
  UniqueFd second;
  for (int i = 0; i < 200 && !second.valid(); ++i) {
    redoubt.read_for(std::chrono::milliseconds(50));
    second = connect_to(path);
  }
  ASSERT_TRUE(second.valid());
  // The shell may not be up yet; its terminal keeps what is typed.
  const std::string command = "\necho it-is-$((40 + 2))\n";
  ASSERT_EQ(::write(second.get(), command.data(), command.size()),
            static_cast<ssize_t>(command.size()));
  EXPECT_NE(read_until(second, "it-is-42").find("it-is-42"), std::string::npos);
  const std::string exit = "exit\n";
  ASSERT_EQ(::write(second.get(), exit.data(), exit.size()), static_cast<ssize_t>(exit.size()));

  EXPECT_EQ(redoubt.wait_exit(), 0) << redoubt.output();
}

TEST_F(BootConsole, shell_on_a_terminal_takes_what_is_typed) {
  REDOUBT_NEEDS_KVM(true);
  RedoubtProcess redoubt({run_linux({.mode = "shell"}), Input::Terminal});
  ASSERT_TRUE(redoubt.wait_for("# ")) << redoubt.output();

  redoubt.type("echo it-is-$((40 + 2))\n");

  EXPECT_TRUE(redoubt.wait_for("it-is-42")) << redoubt.output();
  redoubt.type("exit\n");
  EXPECT_TRUE(redoubt.wait_for("powered off")) << redoubt.output();
  EXPECT_EQ(redoubt.wait_exit_unread(), 0) << redoubt.output();
}

}  // namespace
}  // namespace redoubt::suite
