// SPDX-License-Identifier: Apache-2.0
//
// The child is this test program itself, so that the tests need nothing else on the machine:
// started with one of the words of play_child() it does that instead of testing.
#include "vmm/base/child_process.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <system_error>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/base/event_fd.h"

namespace redoubt {
namespace {

constexpr int kPatience = 20'000;  // milliseconds, for what happens within a few

void say(const std::string& text) {
  static_cast<void>(!::write(STDOUT_FILENO, text.data(), text.size()));
}

std::string list_of_open_fds() {
  std::string list;
  for (int fd = 0; fd < 1024; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) list += std::to_string(fd) + " ";
  }
  return list;
}

std::string state_of_signals() {
  sigset_t blocked;
  ::sigprocmask(SIG_SETMASK, nullptr, &blocked);
  struct sigaction pipe {};
  ::sigaction(SIGPIPE, nullptr, &pipe);
  return std::string(::sigismember(&blocked, SIGTERM) == 1 ? "blocked" : "open") +
         (pipe.sa_handler == SIG_DFL ? " default" : " ignored");
}

[[noreturn]] void play_child(std::string_view part) {
  if (part == "exit-7") ::_exit(7);
  if (part == "say-hello") say("hello\n");
  if (part == "list-fds") say(list_of_open_fds());
  if (part == "signals") say(state_of_signals());
  if (part == "write-to-3") static_cast<void>(!::write(3, "third", 5));
  if (part == "write-to-4") static_cast<void>(!::write(4, "fourth", 6));
  if (part == "flood") {
    const std::string much(1 << 20, 'x');
    say(much);
    static_cast<void>(!::write(3, "done", 4));
  }
  if (part == "linger" || (part == "linger-below" && ::fork() == 0)) {
    static_cast<void>(!::write(3, "here", 4));
    for (;;) ::pause();
  }
  if (part == "linger-below") ::pause();
  ::_exit(0);
}

// What this process was started to play; nothing, if it was started to test.
std::string part_to_play() {
  std::ifstream arguments("/proc/self/cmdline", std::ios::binary);
  std::array<std::string, 3> words;
  for (std::string& word : words) std::getline(arguments, word, '\0');
  return words[1] == "--play-child" ? words[2] : "";
}

// Before main(), which is GoogleTest's.
const bool is_child = [] {
  if (const std::string part = part_to_play(); !part.empty()) play_child(part);
  return false;
}();

std::unique_ptr<ChildProcess> start(const std::string& part, std::span<const BorrowedFd> fds = {}) {
  return std::make_unique<ChildProcess>("/proc/self/exe",
                                        std::vector<std::string>{"--play-child", part}, fds);
}

bool readable(BorrowedFd fd) {
  pollfd poller{.fd = fd.get(), .events = POLLIN, .revents = 0};
  return ::poll(&poller, 1, kPatience) == 1;
}

struct Sockets {
  Sockets() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    ours = UniqueFd(ends[0]);
    theirs = UniqueFd(ends[1]);
  }
  // What comes next from the other side; nothing at its end.
  std::string receive() {
    theirs.reset();
    std::array<char, 64> text{};
    if (!readable(ours)) return "silence";
    const ssize_t count = ::recv(ours.get(), text.data(), text.size(), 0);
    return count <= 0 ? "" : std::string(text.data(), static_cast<size_t>(count));
  }
  UniqueFd ours;
  UniqueFd theirs;
};

std::string all_messages(const ChildProcess& child) {
  std::string all;
  while (readable(child.messages())) {
    const std::optional<std::string> more = child.read_messages();
    if (!more) return all;
    all += *more;
  }
  return all + " and silence";
}

TEST(ChildProcess, exit_status_is_told_after_the_end) {
  const auto child = start("exit-7");
  ASSERT_TRUE(readable(child->ended()));
  EXPECT_EQ(child->how_it_ended(), "it exited with status 7");
  EXPECT_EQ(child->how_it_ended(), "it exited with status 7");
}

TEST(ChildProcess, signal_that_ended_it_is_told) {
  Sockets sockets;
  const auto child = start("linger", std::array{BorrowedFd(sockets.theirs)});
  ASSERT_EQ(sockets.receive(), "here");
  EXPECT_EQ(child->how_it_ended(), std::nullopt);
  ::kill(child->pid(), SIGTERM);
  ASSERT_TRUE(readable(child->ended()));
  EXPECT_EQ(child->how_it_ended(), "it was killed by signal 15");
}

TEST(ChildProcess, output_is_read_until_the_end) {
  const auto child = start("say-hello");
  EXPECT_EQ(all_messages(*child), "hello\n");
}

TEST(ChildProcess, reading_before_there_is_output_does_not_wait) {
  Sockets sockets;
  const auto child = start("linger", std::array{BorrowedFd(sockets.theirs)});
  EXPECT_EQ(child->read_messages(), "");
}

TEST(ChildProcess, output_that_nobody_reads_does_not_hold_it_up) {
  Sockets sockets;
  const auto child = start("flood", std::array{BorrowedFd(sockets.theirs)});
  EXPECT_EQ(sockets.receive(), "done");
}

TEST(ChildProcess, descriptors_arrive_in_order) {
  Sockets third;
  Sockets fourth;
  const std::array fds{BorrowedFd(third.theirs), BorrowedFd(fourth.theirs)};
  const auto one = start("write-to-3", fds);
  const auto other = start("write-to-4", fds);
  EXPECT_EQ(third.receive(), "third");
  EXPECT_EQ(fourth.receive(), "fourth");
}

TEST(ChildProcess, descriptors_whose_numbers_are_those_of_others_arrive_in_order) {
  // Whatever holds 3 and 4 now, as these two will in the child, but the other way round.
  const UniqueFd three(::fcntl(3, F_GETFD) < 0 ? ::dup2(STDERR_FILENO, 3) : -1);
  const UniqueFd four(::fcntl(4, F_GETFD) < 0 ? ::dup2(STDERR_FILENO, 4) : -1);
  Sockets sockets;
  const auto child =
      start("write-to-4", std::array{BorrowedFd(4), BorrowedFd(sockets.theirs), BorrowedFd(3)});
  EXPECT_EQ(sockets.receive(), "fourth");
}

TEST(ChildProcess, no_other_descriptor_is_inherited) {
  const UniqueFd leaky(::open("/dev/null", O_RDONLY));  // without O_CLOEXEC
  const EventFd given;
  const auto child = start("list-fds", std::array{given.fd()});
  EXPECT_EQ(all_messages(*child), "0 1 2 3 ");
}

TEST(ChildProcess, signals_are_as_in_a_fresh_program) {
  sigset_t term;
  sigset_t before;
  ::sigemptyset(&term);
  ::sigaddset(&term, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &term, &before);
  const auto pipe_before = ::signal(SIGPIPE, SIG_IGN);
  const auto child = start("signals");
  ::signal(SIGPIPE, pipe_before);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(all_messages(*child), "open default");
}

TEST(ChildProcess, destroying_it_kills_and_reaps) {
  Sockets sockets;
  auto child = start("linger", std::array{BorrowedFd(sockets.theirs)});
  ASSERT_EQ(sockets.receive(), "here");
  const pid_t pid = child->pid();
  child.reset();
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
  EXPECT_EQ(sockets.receive(), "");
}

TEST(ChildProcess, killing_it_leaves_its_end_to_be_told) {
  Sockets sockets;
  const auto child = start("linger", std::array{BorrowedFd(sockets.theirs)});
  ASSERT_EQ(sockets.receive(), "here");
  child->kill();
  ASSERT_TRUE(readable(child->ended()));
  EXPECT_EQ(child->how_it_ended(), "it was killed by signal 9");
}

TEST(ChildProcess, what_it_has_started_is_killed_with_it) {
  Sockets sockets;
  const auto child = start("linger-below", std::array{BorrowedFd(sockets.theirs)});
  ASSERT_EQ(sockets.receive(), "here");
  child->kill();
  EXPECT_EQ(sockets.receive(), "") << "somebody still has the other end";
}

TEST(ChildProcess, it_is_killed_when_its_parent_is) {
  Sockets sockets;
  const pid_t middle = ::fork();
  if (middle == 0) {
    const auto child = start("linger", std::array{BorrowedFd(sockets.theirs)});
    sockets.theirs.reset();
    for (;;) ::pause();
  }
  ASSERT_EQ(sockets.receive(), "here");
  ::kill(middle, SIGKILL);
  ::waitpid(middle, nullptr, 0);
  EXPECT_EQ(sockets.receive(), "");
}

TEST(ChildProcess, program_that_does_not_exist_is_an_error_that_names_it) {
  try {
    const ChildProcess child("/nonexistent/program", {}, {});
    FAIL() << "started";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), ENOENT);
    EXPECT_NE(std::string(error.what()).find("/nonexistent/program"), std::string::npos);
  }
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a child was left behind";
}

TEST(ChildProcess, closed_descriptor_cannot_be_given) {
  EXPECT_THROW(ChildProcess("/proc/self/exe", {}, std::array{BorrowedFd(-1)}), std::system_error);
}

class FindProgram : public testing::Test {
 protected:
  FindProgram() {
    std::string pattern = testing::TempDir() + "programs.XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    std::ofstream(directory_ / "tool") << "#!/bin/true\n";
    std::ofstream(directory_ / "data") << "not a program\n";
    std::filesystem::permissions(directory_ / "tool", std::filesystem::perms::owner_all);
    std::filesystem::create_directory(directory_ / "folder");
    if (const char* path = std::getenv("PATH"); path != nullptr) path_ = path;
  }
  ~FindProgram() override {
    ::setenv("PATH", path_.c_str(), 1);
    std::filesystem::remove_all(directory_);
  }
  std::filesystem::path directory_;
  std::string path_;
};

TEST_F(FindProgram, path_is_searched) {
  ::setenv("PATH", ("/nonexistent::" + directory_.string()).c_str(), 1);
  EXPECT_EQ(find_program("tool"), directory_ / "tool");
}

TEST_F(FindProgram, further_directories_are_searched_last) {
  ::setenv("PATH", "/nonexistent", 1);
  EXPECT_EQ(find_program("tool", std::array{directory_}), directory_ / "tool");
  EXPECT_EQ(find_program("tool"), std::nullopt);
}

TEST_F(FindProgram, relative_directories_of_path_are_left_out) {
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(directory_);
  ::setenv("PATH", ".:", 1);
  EXPECT_EQ(find_program("tool"), std::nullopt);
  std::filesystem::current_path(before);
}

TEST_F(FindProgram, what_cannot_be_executed_is_no_program) {
  ::setenv("PATH", directory_.c_str(), 1);
  EXPECT_EQ(find_program("data"), std::nullopt);
  EXPECT_EQ(find_program("folder"), std::nullopt);
}

}  // namespace
}  // namespace redoubt
