// SPDX-License-Identifier: Apache-2.0
//
// Trace events of the host's kernel. Throws Unavailable where there is no tracing or no such event.
#pragma once

#include <cstddef>
#include <string>

namespace redoubt::suite {

// Records the events of one kind on all CPUs while it lives, for itself alone.
class Trace {
 public:
  explicit Trace(const std::string& group, const std::string& event);
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;
  ~Trace();

  // The lines of the events so far.
  [[nodiscard]] std::string lines() const;
  [[nodiscard]] size_t count() const;

 private:
  std::string instance_;
  std::string event_;
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
