// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/memory_cgroup.h"

#include <cstdlib>
#include <string_view>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/board/suite/support/backing.h"
#include "tests/board/suite/support/host_state.h"
#include "vmm/base/setup_error.h"

namespace redoubt::suite {
namespace {

const std::string kOomScore = "/proc/self/oom_score_adj";

bool write_all(BorrowedFd file, std::string_view text) {
  return ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

}  // namespace

MemoryCgroup::MemoryCgroup()
    : mount_("cgroup2"), path_(mount_ / "redoubt-" + std::to_string(::getpid())) {
  const std::string children = mount_ / "cgroup.subtree_control";
  if (read_file(children).value_or("").find("memory") == std::string::npos) {
    if (!write_file(children, "+memory")) throw Unavailable("this host has no memory cgroups");
    added_ = true;
  }
  if (::mkdir(path_.c_str(), 0700) != 0 || !write_file(path_ + "/cgroup.procs", "0")) {
    throw_errno(path_);
  }
  never_killed_before_ = read_file(kOomScore).value_or("0");
  write_file(kOomScore, "-1000");
  limit_ = UniqueFd(::open((path_ + "/memory.max").c_str(), O_WRONLY | O_CLOEXEC));
  if (!limit_.valid()) throw_errno("memory.max");
}

MemoryCgroup::~MemoryCgroup() {
  write_file(mount_ / "cgroup.procs", "0");
  write_file(kOomScore, never_killed_before_);
  ::rmdir(path_.c_str());
  if (added_) write_file(mount_ / "cgroup.subtree_control", "-memory");
}

MemoryCgroup::Full::Full(const MemoryCgroup& cgroup) : cgroup_(cgroup) {
  // Also what a fork has left to be copied when it is first written.
  if (::mlockall(MCL_CURRENT) != 0) {
    throw_errno("mlockall");
  }
  if (!write_all(cgroup_.limit_, "0")) {
    throw_errno("memory.max");
  }
}

MemoryCgroup::Full::~Full() {
  // Without it the process could do nothing any more.
  if (!write_all(cgroup_.limit_, "max")) std::abort();
  ::munlockall();
}

}  // namespace redoubt::suite
