// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/probe.h"

#include <atomic>
#include <cinttypes>
#include <cstdio>
#include <stdexcept>

#include <fcntl.h>
#include <unistd.h>

#include "tests/board/suite/support/backing.h"
#include "vmm/base/unique_fd.h"

namespace redoubt::suite {
namespace {

std::atomic<unsigned> g_probes = 0;

std::string list_of_probes() { return tracing() + "kprobe_events"; }

// Adds a line to the list, or takes one away. False if the kernel refuses.
bool change_probes(const std::string& line) {
  const UniqueFd file(::open(list_of_probes().c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  return ::write(file.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size());
}

// TIME: FUNCTION: (CALLER <- FUNCTION) a1=0x… a2=0x… a3=0x… ret=…
Probe::Call call_in(const std::string& line) {
  const size_t origin = line.find(": (");
  const size_t name = line.rfind(' ', origin - 1);
  const size_t arguments = line.find(" a1=", origin);
  if (origin == std::string::npos || name == std::string::npos || arguments == std::string::npos) {
    throw std::runtime_error("no line of a probe: " + line);
  }
  Probe::Call call{line.substr(name + 1, origin - name - 1), {}, 0};
  if (std::sscanf(line.c_str() + arguments, " a1=%" SCNx64 " a2=%" SCNx64 " a3=%" SCNx64 " ret=%d",
                  &call.arguments[0], &call.arguments[1], &call.arguments[2],
                  &call.returned) != 4) {
    throw std::runtime_error("no line of a probe: " + line);
  }
  return call;
}

}  // namespace

Probe::Probe(const std::vector<std::string>& functions, const std::vector<std::string>& others)
    : group_("redoubt_" + std::to_string(::getpid()) + "_" + std::to_string(++g_probes)),
      recording_(TraceOf::ThisProcess) {
  if (::access(list_of_probes().c_str(), W_OK) != 0) {
    throw Unavailable("this host has no kprobes, or not for this user");
  }
  for (const std::string& function : others) watch(function);
  for (const std::string& function : functions) {
    if (watch(function)) continue;
    remove_events();
    throw Unavailable("this kernel has no function " + function + " that can be watched");
  }
}

bool Probe::watch(const std::string& function) {
  if (!change_probes("r:" + group_ + "/" + function + " " + function +
                     " a1=$arg1:x64 a2=$arg2:x64 a3=$arg3:x64 ret=$retval:s32\n")) {
    return false;
  }
  events_.push_back(function);
  recording_.record(group_, function);
  return true;
}

Probe::~Probe() { remove_events(); }

void Probe::remove_events() const {
  recording_.stop();
  for (const std::string& event : events_) change_probes("-:" + group_ + "/" + event + "\n");
}

std::vector<Probe::Call> Probe::calls() const {
  std::vector<Call> calls;
  for (const std::string& line : recording_.lines()) calls.push_back(call_in(line));
  return calls;
}

std::vector<int> Probe::returned(const std::string& function) const {
  std::vector<int> values;
  for (const Call& call : calls()) {
    if (call.function == function) values.push_back(call.returned);
  }
  return values;
}

size_t Probe::count(const std::string& function) const { return returned(function).size(); }

}  // namespace redoubt::suite
