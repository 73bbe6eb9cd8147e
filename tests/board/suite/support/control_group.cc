// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/control_group.h"

#include <cerrno>
#include <chrono>
#include <sstream>
#include <thread>
#include <utility>

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/board/suite/support/backing.h"
#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/redoubt_process.h"
#include "vmm/base/setup_error.h"

namespace redoubt::suite {
namespace {

const std::string kRoot = "/sys/fs/cgroup";
constexpr std::chrono::milliseconds kPause{10};

const std::string kChildren = kRoot + "/cgroup.subtree_control";

}  // namespace

ControlGroup::Mount::Mount() : ours_(!read_file(kRoot + "/cgroup.controllers")) {
  if (ours_ && ::mount("cgroup2", kRoot.c_str(), "cgroup2", 0, nullptr) != 0) {
    throw Unavailable("this host has no control groups of version 2, or not for this user");
  }
}

ControlGroup::Mount::~Mount() {
  if (ours_) ::umount(kRoot.c_str());
}

ControlGroup::Controller::Controller(std::string name) : name_(std::move(name)) {
  if (name_.empty() || read_file(kChildren).value_or("").find(name_) != std::string::npos) return;
  ours_ = write_file(kChildren, "+" + name_);
  if (!ours_) throw Unavailable("the root control group has no controller " + name_);
}

ControlGroup::Controller::~Controller() {
  if (ours_) write_file(kChildren, "-" + name_);
}

ControlGroup::ControlGroup(const std::string& controller)
    : controller_(controller), path_(kRoot + "/redoubt-test-" + std::to_string(::getpid())) {
  if (::mkdir(path_.c_str(), 0755) != 0) throw Unavailable("no control group can be made here");
}

ControlGroup::~ControlGroup() {
  write_file(path_ + "/cgroup.kill", "1");
  // What was killed is in it until it has been waited for.
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (::rmdir(path_.c_str()) != 0 && errno == EBUSY &&
         std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(kPause);
  }
}

void ControlGroup::take(pid_t process) const { set("cgroup.procs", std::to_string(process)); }

void ControlGroup::set(const std::string& file, std::string_view value) const {
  if (!write_file(path_ + "/" + file, value)) {
    throw_errno(path_ + "/" + file);
  }
}

uint64_t ControlGroup::figure(const std::string& file, std::string_view key) const {
  std::istringstream text(read_file(path_ + "/" + file).value_or(""));
  std::string name;
  for (uint64_t value = 0; text >> name >> value;) {
    if (name == key) return value;
  }
  return 0;
}

bool ControlGroup::wait_for(const std::string& file, std::string_view key, uint64_t value) const {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (figure(file, key) != value) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(kPause);
  }
  return true;
}

}  // namespace redoubt::suite
