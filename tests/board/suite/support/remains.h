// SPDX-License-Identifier: Apache-2.0
//
// What a process has of its host, to compare two moments of it or to see that all of it is gone.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include <sys/types.h>

namespace redoubt::suite {

struct Holdings {
  std::vector<std::string> programs;     // that it has started, and those that they have; sorted
  std::vector<std::string> descriptors;  // what they name, without numbers; sorted

  bool operator==(const Holdings&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Holdings& holdings);

[[nodiscard]] Holdings holdings_of(pid_t process);

// The processes that it has started, and those that they have.
[[nodiscard]] std::vector<pid_t> descendants_of(pid_t process);

// Waits until none of them is there; those that still are after kPatience.
[[nodiscard]] std::vector<pid_t> wait_until_gone(std::vector<pid_t> processes);

}  // namespace redoubt::suite
