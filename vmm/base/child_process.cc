// SPDX-License-Identifier: Apache-2.0
#include "vmm/base/child_process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <limits>
#include <utility>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/base/setup_error.h"

namespace redoubt {

namespace {

struct Pipe {
  UniqueFd from;
  UniqueFd to;
};

Pipe make_pipe(int flags) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), flags) != 0) throw_errno("pipe2");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// All that the child needs, made before it: it is a copy of a process that may have had threads, so
// it calls only what is safe in a signal handler.
struct Plan {
  const char* program;
  char* const* arguments;
  std::span<const UniqueFd> fds;  // numbered above all numbers that they are to have
  int input;
  int output;
  int failure;  // takes the errno of whatever fails; closed by a successful execution
  pid_t parent;
};

[[noreturn]] void give_up(int failure) {
  const int error = errno;
  // One write of four bytes to an empty pipe is never short; without it the parent sees success,
  // and then the end of the child.
  static_cast<void>(!::write(failure, &error, sizeof error));
  ::_exit(127);
}

void leave_parent_behind(const Plan& plan) {
  ::setpgid(0, 0);
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) give_up(plan.failure);
  if (::getppid() != plan.parent) ::_exit(127);  // it ended before the line above
  // Handlers end with the execution; what is ignored or blocked would stay so.
  ::signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void become(const Plan& plan) {
  leave_parent_behind(plan);
  if (::dup2(plan.input, STDIN_FILENO) < 0 || ::dup2(plan.output, STDOUT_FILENO) < 0 ||
      ::dup2(plan.output, STDERR_FILENO) < 0) {
    give_up(plan.failure);
  }
  int next = ChildProcess::kFirstFd;
  for (const UniqueFd& fd : plan.fds) {
    if (::dup2(fd.get(), next++) < 0) give_up(plan.failure);
  }
  ::close_range(static_cast<unsigned>(next), std::numeric_limits<unsigned>::max(),
                CLOSE_RANGE_CLOEXEC);
  ::execv(plan.program, plan.arguments);
  give_up(plan.failure);
}

// A copy with a number at or above `lowest`, so that dup2() in the child hits nothing it still
// needs.
UniqueFd copy_above(BorrowedFd fd, int lowest) {
  UniqueFd copy(::fcntl(fd.get(), F_DUPFD_CLOEXEC, lowest));
  if (!copy.valid()) throw_errno("fcntl F_DUPFD_CLOEXEC");
  return copy;
}

// The errno with which the child gave up, 0 when it has become the program.
int read_failure(const UniqueFd& pipe) {
  int error = 0;
  ssize_t count = 0;
  do {
    count = ::read(pipe.get(), &error, sizeof error);
  } while (count < 0 && errno == EINTR);
  return count == 0 ? 0 : error;
}

// The number stays its own until it is reaped.
void kill_group(pid_t pid) {
  ::kill(-pid, SIGKILL);
  ::kill(pid, SIGKILL);  // should it have left the group
}

void kill_and_reap(pid_t pid) {
  kill_group(pid);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

bool is_executable(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error) && ::access(path.c_str(), X_OK) == 0;
}

}  // namespace

ChildProcess::ChildProcess(const std::filesystem::path& program,
                           const std::vector<std::string>& arguments,
                           std::span<const BorrowedFd> fds) {
  const int above = kFirstFd + static_cast<int>(fds.size());
  std::vector<UniqueFd> copies;
  for (const BorrowedFd fd : fds) copies.push_back(copy_above(fd, above));
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!null.valid()) throw_errno("open /dev/null");
  const UniqueFd input = copy_above(null, above);
  Pipe output = make_pipe(O_CLOEXEC | O_NONBLOCK);
  Pipe failure = make_pipe(O_CLOEXEC);
  UniqueFd output_copy = copy_above(std::exchange(output.to, UniqueFd()), above);
  UniqueFd failure_copy = copy_above(std::exchange(failure.to, UniqueFd()), above);

  std::vector<std::string> words{program.string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const Plan plan{program.c_str(),   argv.data(),        copies,    input.get(),
                  output_copy.get(), failure_copy.get(), ::getpid()};

  pid_ = ::fork();
  if (pid_ < 0) throw_errno("fork for " + program.string());
  if (pid_ == 0) become(plan);

  // As long as we can write too, there is no end to read.
  output_copy.reset();
  failure_copy.reset();
  const int refused = read_failure(failure.from);
  pidfd_ = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (refused != 0 || !pidfd_.valid()) {
    const int reason = refused != 0 ? refused : errno;
    kill_and_reap(pid_);
    errno = reason;
    throw_errno(refused != 0 ? "execute " + program.string() : "pidfd_open");
  }
  messages_ = std::move(output.from);
}

ChildProcess::~ChildProcess() { kill_and_reap(pid_); }

void ChildProcess::kill() const { kill_group(pid_); }

std::optional<std::string> ChildProcess::how_it_ended() const {
  siginfo_t info{};
  // WNOWAIT leaves it to the destructor to reap, so that its number stays its own until then.
  if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
      info.si_pid == 0) {
    return std::nullopt;
  }
  if (info.si_code == CLD_EXITED) return "it exited with status " + std::to_string(info.si_status);
  return "it was killed by signal " + std::to_string(info.si_status);
}

std::optional<std::string> ChildProcess::read_messages() const {
  std::string text(4096, '\0');
  ssize_t count = 0;
  do {
    count = ::read(messages_.get(), text.data(), text.size());
  } while (count < 0 && errno == EINTR);
  if (count == 0 || (count < 0 && errno != EAGAIN)) return std::nullopt;
  text.resize(count < 0 ? 0 : static_cast<size_t>(count));
  return text;
}

std::optional<std::filesystem::path> find_program(std::string_view name,
                                                  std::span<const std::filesystem::path> more) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const size_t colon = rest.find(':');
    const std::filesystem::path directory(rest.substr(0, colon));
    rest.remove_prefix(colon == std::string_view::npos ? rest.size() : colon + 1);
    // A relative one, or an empty one, would name whatever folder we were started in.
    if (directory.is_absolute() && is_executable(directory / name)) return directory / name;
  }
  for (const std::filesystem::path& directory : more) {
    if (is_executable(directory / name)) return directory / name;
  }
  return std::nullopt;
}

}  // namespace redoubt
