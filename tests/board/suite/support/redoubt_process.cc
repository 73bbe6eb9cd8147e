// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/redoubt_process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <iostream>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/board/suite/support/process_account.h"
#include "tests/board/suite/support/suite_dir.h"
#include "vmm/base/setup_error.h"

namespace redoubt::suite {

namespace {

constexpr int kCannotPrepare = 126;

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw_errno("pipe2");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

[[noreturn]] void become(const Launch& launch, const std::vector<char*>& argv, int in, int out,
                         int err) {
  if (launch.input == Input::Terminal) {
    ::setsid();
    ::ioctl(in, TIOCSCTTY, 0);
  }
  if (::dup2(in, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(err, 2) < 0) ::_exit(kCannotPrepare);
  // A hung test must not leave guests behind.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (launch.prepare) launch.prepare();
  ::execv(argv.front(), argv.data());
  ::_exit(kCannotPrepare);
}

int exit_code(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

RedoubtProcess::RedoubtProcess(Launch launch) {
  std::vector<std::string> words = {launch.program.empty() ? suite_file("redoubt").string()
                                                           : launch.program};
  words.insert(words.end(), launch.arguments.begin(), launch.arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  Pipe in;
  Pipe out;
  Pipe err = make_pipe();
  if (launch.input == Input::Terminal) {
    int master = -1;
    int slave = -1;
    if (::openpty(&master, &slave, nullptr, nullptr, nullptr) != 0) throw_errno("openpty");
    to_ = UniqueFd(master);
    from_ = UniqueFd(::fcntl(master, F_DUPFD_CLOEXEC, 0));
    terminal_ = UniqueFd(slave);
    ::fcntl(master, F_SETFD, FD_CLOEXEC);
    ::fcntl(slave, F_SETFD, FD_CLOEXEC);
  } else {
    in = make_pipe();
    out = make_pipe();
  }
  const bool terminal = launch.input == Input::Terminal;
  const int child_in = terminal ? terminal_.get() : in.read.get();
  const int child_out = terminal ? terminal_.get() : out.write.get();

  pid_ = ::fork();
  if (pid_ < 0) throw_errno("fork");
  if (pid_ == 0) become(launch, argv, child_in, child_out, err.write.get());

  if (!terminal) {
    to_ = std::move(in.write);
    from_ = std::move(out.read);
  }
  log_ = std::move(err.read);
}

RedoubtProcess::~RedoubtProcess() {
  if (status_) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

bool RedoubtProcess::read_some(Clock::time_point deadline) {
  std::array<pollfd, 2> sources = {pollfd{from_.get(), POLLIN, 0}, pollfd{log_.get(), POLLIN, 0}};
  if (!from_.valid() && !log_.valid()) return false;
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  if (left <= 0) return false;
  if (::poll(sources.data(), sources.size(), static_cast<int>(left)) <= 0) return errno == EINTR;
  for (const pollfd& source : sources) {
    if (source.fd < 0 || source.revents == 0) continue;
    std::array<char, 4096> buffer{};
    const ssize_t size = ::read(source.fd, buffer.data(), buffer.size());
    if (size > 0) {
      output_.append(buffer.data(), static_cast<size_t>(size));
    } else if (size == 0 || errno != EINTR) {
      // A terminal whose other side has gone says EIO.
      (source.fd == log_.get() ? log_ : from_).reset();
    }
  }
  return true;
}

bool RedoubtProcess::wait_for(std::string_view text, unsigned times) {
  const auto deadline = Clock::now() + kPatience;
  while (times_said(text) < times) {
    if (!read_some(deadline)) {
      const bool said = times_said(text) >= times;
      if (!said && Clock::now() >= deadline) tell_of_silence();
      return said;
    }
  }
  return true;
}

void RedoubtProcess::tell_of_silence() {
  const std::string first = account_of(pid_);
  read_for(std::chrono::seconds(1));
  std::cout << "silent for too long:\n" << first << "and a second later:\n" << account_of(pid_);
  std::cout.flush();
}

unsigned RedoubtProcess::times_said(std::string_view text) const {
  unsigned found = 0;
  for (size_t at = output_.find(text); at != std::string::npos; at = output_.find(text, at + 1)) {
    ++found;
  }
  return found;
}

std::optional<size_t> RedoubtProcess::find_from(size_t from, std::string_view text,
                                                std::chrono::seconds patience) {
  const auto deadline = Clock::now() + patience;
  // What has been looked through is not looked through again, but for a beginning of `text`.
  size_t start = from;
  for (;;) {
    const size_t at = output_.find(text, start);
    if (at != std::string::npos) return at;
    if (output_.size() > from + text.size()) start = output_.size() - text.size();
    if (!read_some(deadline)) {
      const size_t last = output_.find(text, start);
      return last != std::string::npos ? std::optional(last) : std::nullopt;
    }
  }
}

void RedoubtProcess::read_for(std::chrono::milliseconds time) {
  const auto deadline = Clock::now() + time;
  while (read_some(deadline)) {
  }
}

void RedoubtProcess::type(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(to_.get(), text.data(), text.size());
    if (written < 0 && errno != EINTR) throw_errno("write to redoubt");
    text.remove_prefix(static_cast<size_t>(std::max<ssize_t>(written, 0)));
  }
}

void RedoubtProcess::close_input() { to_.reset(); }

void RedoubtProcess::signal(int number) const { ::kill(pid_, number); }

int RedoubtProcess::reap(Clock::time_point deadline) {
  const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  pollfd ended{pidfd.get(), POLLIN, 0};
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  if (::poll(&ended, 1, static_cast<int>(std::max<long>(left, 0))) != 1) return -1;
  int status = 0;
  if (::waitpid(pid_, &status, 0) != pid_) throw_errno("waitpid");
  status_ = exit_code(status);
  return *status_;
}

int RedoubtProcess::wait_exit(std::chrono::seconds patience) {
  const auto deadline = Clock::now() + patience;
  // The terminal does not close by itself while this side holds its slave.
  terminal_.reset();
  while (read_some(deadline)) {
  }
  return reap(deadline);
}

int RedoubtProcess::wait_exit_unread() { return reap(Clock::now() + kPatience); }

termios RedoubtProcess::terminal_mode() const {
  termios mode{};
  if (::tcgetattr(terminal_.get(), &mode) != 0) throw_errno("tcgetattr");
  return mode;
}

std::vector<std::string> run_linux(const LinuxGuest& guest) {
  std::vector<std::string> arguments = {
      "run",
      suite_file("../../configs/hello.yaml").lexically_normal().string(),
      "--set=protected=" + std::string(guest.is_protected ? "true" : "false"),
      "--set=cpus=" + std::to_string(guest.cpus),
      "--set=memory.size=" + guest.memory,
      // Without the kernel's own lines: on an emulated board each character costs.
      "--set=boot.cmdline=console=ttyAMA0 " + std::string(guest.quiet ? "quiet " : "") +
          "redoubt.mode=" + guest.mode,
  };
  arguments.insert(arguments.end(), guest.more.begin(), guest.more.end());
  return arguments;
}

std::vector<std::string> run_flat(const std::string& payload, bool is_protected,
                                  const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {
      "run",
      suite_file("../../configs/bare-metal.yaml").lexically_normal().string(),
      "--set=protected=" + std::string(is_protected ? "true" : "false"),
      "--set=boot.kernel=" + suite_file("../guest/" + payload).lexically_normal().string(),
  };
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

void set_memlock_limit_or_exit(uint64_t bytes) {
  const rlimit limit{bytes, bytes};
  if (::setrlimit(RLIMIT_MEMLOCK, &limit) != 0) ::_exit(kCannotPrepare);
}

void drop_capability_or_exit(int capability) {
  // From the bounding set: exec then does not give it to root again.
  if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) ::_exit(kCannotPrepare);
}

}  // namespace redoubt::suite
