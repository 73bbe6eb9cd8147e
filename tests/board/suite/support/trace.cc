// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/trace.h"

#include <atomic>
#include <sstream>
#include <system_error>
#include <utility>

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/board/suite/support/backing.h"
#include "tests/board/suite/support/host_state.h"
#include "vmm/base/setup_error.h"

namespace redoubt::suite {
namespace {

const std::string kTracing = "/sys/kernel/tracing/";
const std::string kHypervisor = kTracing + "remotes/hypervisor/";

std::atomic<unsigned> g_recordings = 0;

void mount_tracing() {
  if (read_file(kTracing + "trace_clock")) return;
  if (::mount("tracefs", kTracing.c_str(), "tracefs", 0, nullptr) != 0) {
    throw Unavailable("this host has no tracing, or not for this user");
  }
}

std::vector<std::string> lines_with(const std::string& all, const std::string& text) {
  std::istringstream in(all);
  std::vector<std::string> found;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with('#') && line.find(text) != std::string::npos) found.push_back(line);
  }
  return found;
}

}  // namespace

const std::string& tracing() {
  mount_tracing();
  return kTracing;
}

Recording::Recording(TraceOf whom)
    : instance_(tracing() + "instances/redoubt-" + std::to_string(::getpid()) + "-" +
                std::to_string(++g_recordings)) {
  if (::mkdir(instance_.c_str(), 0700) != 0) {
    throw_errno(instance_);
  }
  write_file(instance_ + "/buffer_size_kb", "1024");
  if (whom == TraceOf::Everybody) return;
  write_file(instance_ + "/options/event-fork", "1");
  if (!write_file(instance_ + "/set_event_pid", std::to_string(::gettid()))) {
    throw std::system_error(EIO, std::generic_category(), instance_ + "/set_event_pid");
  }
}

Recording::~Recording() {
  stop();
  ::rmdir(instance_.c_str());
}

void Recording::stop() const { write_file(instance_ + "/events/enable", "0"); }

void Recording::clear() const { write_file(instance_ + "/trace", ""); }

void Recording::record(const std::string& group, const std::string& event) const {
  const std::string enable = instance_ + "/events/" + group + "/" + event + "/enable";
  if (!write_file(enable, "1")) {
    throw Unavailable("this kernel does not have the trace event " + group + ":" + event);
  }
}

std::vector<std::string> Recording::lines(const std::string& event) const {
  const std::string all = read_file(instance_ + "/trace").value_or("");
  return lines_with(all, event.empty() ? "" : " " + event + ": ");
}

Trace::Trace(const std::string& group, std::string event, TraceOf whom)
    : event_(std::move(event)), recording_(whom) {
  recording_.record(group, event_);
}

std::string Trace::lines() const {
  std::string all;
  for (const std::string& line : recording_.lines(event_)) all += line + "\n";
  return all;
}

size_t Trace::count() const { return recording_.lines(event_).size(); }

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
  return lines_with(read_file(kHypervisor + "trace").value_or(""), text).size();
}

}  // namespace redoubt::suite
