// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/isolated.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <string>

#include <gtest/gtest-spi.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/board/suite/support/backing.h"
#include "vmm/base/setup_error.h"
#include "vmm/base/unique_fd.h"

namespace redoubt::suite {
namespace {

constexpr int kTimeLimitSeconds = 200;

using testing::TestPartResult;

void put_text(std::ostream& out, const std::string& text) {
  out << text.size() << '\n' << text << '\n';
}

std::string take_text(std::istream& in) {
  size_t size = 0;
  in >> size;
  in.get();
  std::string text(size, '\0');
  in.read(text.data(), static_cast<std::streamsize>(size));
  return text;
}

std::string path_of(BorrowedFd fd) { return "/proc/self/fd/" + std::to_string(fd.get()); }

// In the child: catches what the body asserts, whichever thread does, and leaves it in `report`.
void run_and_report(const std::function<void()>& body, BorrowedFd report) {
  testing::TestPartResultArray results;
  std::string unavailable;
  {
    const testing::ScopedFakeTestPartResultReporter reporter(
        testing::ScopedFakeTestPartResultReporter::INTERCEPT_ALL_THREADS, &results);
    try {
      body();
    } catch (const Unavailable& error) {
      unavailable = error.what();
    } catch (const std::exception& error) {
      ADD_FAILURE() << "stopped by an exception: " << error.what();
    }
  }
  std::ofstream out(path_of(report));
  put_text(out, unavailable);
  for (int i = 0; i < results.size(); ++i) {
    const TestPartResult& result = results.GetTestPartResult(i);
    if (result.passed()) continue;
    out << static_cast<int>(result.type()) << ' ' << result.line_number() << '\n';
    put_text(out, result.file_name() != nullptr ? result.file_name() : "");
    put_text(out, result.message());
  }
}

// In the parent: the same assertions again, and GTEST_SKIP() where the child skipped.
void repeat_report(BorrowedFd report) {
  std::ifstream in(path_of(report));
  std::string skipped = take_text(in);
  for (int type = 0, line = 0; in >> type >> line;) {
    const std::string file = take_text(in);
    const std::string message = take_text(in);
    if (type == TestPartResult::kSkip) {
      skipped = message;
    } else {
      ADD_FAILURE_AT(file.c_str(), line) << message;
    }
  }
  if (!skipped.empty()) GTEST_SKIP() << skipped;
}

bool ends_in_time(pid_t child) {
  const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  if (!pidfd.valid()) throw_errno("pidfd_open");
  pollfd waited{pidfd.get(), POLLIN, 0};
  return ::poll(&waited, 1, kTimeLimitSeconds * 1000) == 1;
}

}  // namespace

void run_isolated(const std::function<void()>& body) {
  const UniqueFd report(::memfd_create("report", MFD_CLOEXEC));
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    run_and_report(body, report);
    std::fflush(nullptr);
    ::_exit(EXIT_SUCCESS);
  }
  ASSERT_GT(child, 0) << "fork: " << std::strerror(errno);
  const bool in_time = ends_in_time(child);
  ::kill(-child, SIGKILL);  // the child, or what it has left behind
  if (!in_time) ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(in_time) << "not over after " << kTimeLimitSeconds << " s: killed";
  if (in_time && WIFSIGNALED(status)) ADD_FAILURE() << "killed by signal " << WTERMSIG(status);
  if (WIFEXITED(status)) repeat_report(report);
}

}  // namespace redoubt::suite
