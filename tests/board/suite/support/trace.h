// SPDX-License-Identifier: Apache-2.0
//
// Trace events of the host's kernel. Throws Unavailable where there is no tracing or no such event.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace redoubt::suite {

enum class TraceOf {
  Everybody,
  ThisProcess,  // the calling thread and the threads that it starts from now on
};

// A recording of its own, which nobody else's tracing takes part in. Gone with the object.
class Recording {
 public:
  explicit Recording(TraceOf whom);
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;
  ~Recording();

  void record(const std::string& group, const std::string& event) const;
  void stop() const;
  void clear() const;  // as if nothing had been recorded yet
  // What is recorded so far of an event, line by line in the order of time; of all without a name.
  [[nodiscard]] std::vector<std::string> lines(const std::string& event = "") const;

 private:
  std::string instance_;
};

// Where tracefs is, with a slash at the end; mounted if it was not.
[[nodiscard]] const std::string& tracing();

// Records the events of one kind on all CPUs while it lives, for itself alone.
class Trace {
 public:
  explicit Trace(const std::string& group, std::string event, TraceOf whom = TraceOf::Everybody);

  // The lines of the events so far.
  [[nodiscard]] std::string lines() const;
  [[nodiscard]] size_t count() const;

 private:
  std::string event_;
  Recording recording_;
};

// The same for events of the hypervisor, of which there is one recording for everybody. Kernels
// built for debugging have it.
class HypervisorTrace {
 public:
  explicit HypervisorTrace(const std::string& event);
  HypervisorTrace(const HypervisorTrace&) = delete;
  HypervisorTrace& operator=(const HypervisorTrace&) = delete;
  ~HypervisorTrace();

  // The events so far that have this text in their line.
  [[nodiscard]] size_t count(const std::string& text) const;

 private:
  std::string event_;
};

}  // namespace redoubt::suite
