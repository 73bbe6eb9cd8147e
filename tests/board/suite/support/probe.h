// SPDX-License-Identifier: Apache-2.0
//
// Probe: functions of the host's kernel, watched where they return. It is how a test knows that the
// kernel went the way it is meant to go, whatever came out of it. A function that is part of its
// callers is never seen to return: a test that expects it to fails.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/board/suite/support/trace.h"

namespace redoubt::suite {

class Probe {
 public:
  struct Call {
    std::string function;
    std::array<uint64_t, 3> arguments;
    int returned;  // the low half of what it returned
  };

  // Calls made by the calling thread and those that it starts from now on. Throws Unavailable where
  // the host has no kprobes or its kernel lacks one of `functions`; it may lack `others`.
  explicit Probe(const std::vector<std::string>& functions,
                 const std::vector<std::string>& others = {});
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;
  ~Probe();

  // To set a probe up takes the kernel a while: one that has been read can be used again.
  void forget() const { recording_.clear(); }
  // In the order in which they returned.
  [[nodiscard]] std::vector<Call> calls() const;
  [[nodiscard]] size_t count(const std::string& function) const;
  // What the calls of one of them returned, in order.
  [[nodiscard]] std::vector<int> returned(const std::string& function) const;

 private:
  bool watch(const std::string& function);
  void remove_events() const;

  std::string group_;
  std::vector<std::string> events_;
  Recording recording_;
};

}  // namespace redoubt::suite
