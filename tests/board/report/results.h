// SPDX-License-Identifier: Apache-2.0
//
// The tests of a run, as its JUnit report tells them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace redoubt::report {

enum class Outcome { Passed, Failed, Skipped };

[[nodiscard]] std::string_view word_of(Outcome outcome);

struct Case {
  std::string suite;  // "boot"
  std::string group;  // "BootLinux", as GoogleTest calls it
  std::string name;
  Outcome outcome = Outcome::Passed;
  double seconds = 0;
  std::string message;  // why it failed or was skipped

  // As --filter takes it.
  [[nodiscard]] std::string test() const { return group + "." + name; }
  // The message without the place in the source: "this kernel has no KSM".
  [[nodiscard]] std::string reason() const;
};

struct Counts {
  size_t passed = 0;
  size_t failed = 0;
  size_t skipped = 0;
  double seconds = 0;

  void add(const Case& test);
  [[nodiscard]] size_t total() const { return passed + failed + skipped; }
};

// Tests of one suite, in their order.
struct Suite {
  std::string name;
  std::vector<Case> cases;

  [[nodiscard]] Counts counts() const;
};

class Results {
 public:
  // From a JUnit report whose class names are SUITE.GROUP. Throws XmlError if it is none.
  explicit Results(std::string_view junit);

  [[nodiscard]] const std::vector<Suite>& suites() const { return suites_; }
  [[nodiscard]] Counts counts() const;
  [[nodiscard]] std::vector<const Case*> with(Outcome outcome) const;

  // Skipped tests by reason, the most frequent one first.
  struct Skips {
    std::string reason;
    std::vector<const Case*> cases;
  };
  [[nodiscard]] std::vector<Skips> skips() const;

 private:
  std::vector<Suite> suites_;
};

}  // namespace redoubt::report
