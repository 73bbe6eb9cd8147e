// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/trace.h"

#include <algorithm>
#include <cerrno>
#include <sstream>
#include <system_error>

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/board/suite/support/backing.h"
#include "tests/board/suite/support/host_state.h"

namespace redoubt::suite {
namespace {

const std::string kTracing = "/sys/kernel/tracing/";
const std::string kHypervisor = kTracing + "remotes/hypervisor/";

void mount_tracing() {
  if (read_file(kTracing + "trace_clock")) return;
  if (::mount("tracefs", kTracing.c_str(), "tracefs", 0, nullptr) != 0) {
    throw Unavailable("this host has no tracing, or not for this user");
  }
}

std::string lines_with(const std::string& all, const std::string& text) {
  std::istringstream in(all);
  std::string found;
  for (std::string line; std::getline(in, line);) {
    if (line.find(text) != std::string::npos) found += line + "\n";
  }
  return found;
}

size_t count_lines(const std::string& text) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

Trace::Trace(const std::string& group, const std::string& event) : event_(event) {
  mount_tracing();
  const std::string events = "/events/" + group + "/" + event;
  if (::access((kTracing + events).c_str(), F_OK) != 0) {
    throw Unavailable("this kernel does not have the trace event " + group + ":" + event);
  }
  instance_ = kTracing + "instances/redoubt-" + std::to_string(::getpid()) + "-" + event;
  if (::mkdir(instance_.c_str(), 0700) != 0) {
    throw std::system_error(errno, std::generic_category(), instance_);
  }
  write_file(instance_ + "/buffer_size_kb", "2048");
  write_file(instance_ + events + "/enable", "1");
}

Trace::~Trace() {
  write_file(instance_ + "/events/enable", "0");
  ::rmdir(instance_.c_str());
}

std::string Trace::lines() const {
  return lines_with(read_file(instance_ + "/trace").value_or(""), " " + event_ + ": ");
}

size_t Trace::count() const { return count_lines(lines()); }

HypervisorTrace::HypervisorTrace(const std::string& event)
    : event_(kHypervisor + "events/hypervisor/" + event + "/enable") {
  mount_tracing();
  if (::access(event_.c_str(), F_OK) != 0) {
    throw Unavailable("this kernel does not trace its hypervisor (CONFIG_NVHE_EL2_TRACING)");
  }
  write_file(kHypervisor + "tracing_on", "0");
  write_file(kHypervisor + "buffer_size_kb", "4096");
  write_file(event_, "1");
  write_file(kHypervisor + "trace", "0");
  write_file(kHypervisor + "tracing_on", "1");
}

HypervisorTrace::~HypervisorTrace() {
  write_file(kHypervisor + "tracing_on", "0");
  write_file(event_, "0");
}

size_t HypervisorTrace::count(const std::string& text) const {
  write_file(kHypervisor + "tracing_on", "0");
  return count_lines(lines_with(read_file(kHypervisor + "trace").value_or(""), text));
}

}  // namespace redoubt::suite
