// SPDX-License-Identifier: Apache-2.0
//
// ChildProcess: a program of the host that works for us and never outlives us: it is killed and
// reaped by the destructor, and killed by the kernel when the thread that made it ends, however
// that comes about. (A program that changes its user loses the latter; it is up to it to end when
// its socket closes.)
//
// The program gets a process group of its own, so that Ctrl-C at our terminal is ours alone; no
// signal blocked or ignored; /dev/null as standard input; and no descriptors but those it is given.
// What it writes to standard output and standard error is read here. It never waits for that: what
// does not fit the pipe is lost.
//
// Used on one thread, which lives at least as long as the object, except where noted.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "vmm/base/unique_fd.h"

namespace redoubt {

class ChildProcess {
 public:
  // The number under which the program finds the first of the descriptors it is given; the others
  // follow.
  static constexpr int kFirstFd = 3;

  // Returns when the program has replaced us in the child. Throws std::system_error if it cannot be
  // executed.
  ChildProcess(const std::filesystem::path& program, const std::vector<std::string>& arguments,
               std::span<const BorrowedFd> fds);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Readable from the program's end on.
  [[nodiscard]] BorrowedFd ended() const { return pidfd_; }
  // How it ended, as in "it exited with status 1"; nothing while it runs.
  [[nodiscard]] std::optional<std::string> how_it_ended() const;

  // Readable when the program has written something, and from its end on.
  [[nodiscard]] BorrowedFd messages() const { return messages_; }
  // What it has written since the last call, up to 4 KiB. Never waits. Nothing, if there will be no
  // more.
  [[nodiscard]] std::optional<std::string> read_messages() const;

  // Kills it and what it has started; does not wait. Any thread.
  void kill() const;

  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  // Constant after construction.
  pid_t pid_ = -1;
  UniqueFd pidfd_;
  UniqueFd messages_;
};

// The first executable file of that name in the absolute directories of $PATH, then in `more`.
[[nodiscard]] std::optional<std::filesystem::path> find_program(
    std::string_view name, std::span<const std::filesystem::path> more = {});

}  // namespace redoubt
