// SPDX-License-Identifier: Apache-2.0
//
// The Debian system that run-suites prepares for the suites that need it (tests/board/README.md):
// its programs, run on the host beside a guest, and its disks, given to a guest.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/board/suite/support/redoubt_process.h"

namespace redoubt::suite {

struct DebianDisks {
  std::string image;    // the system; never written, so for any number of read-only disks
  std::string disk;     // a copy of it that a guest may write; what it wrote stays for later tests
  std::string scratch;  // 2 GiB without meaning
};

// Throws std::runtime_error if there is no Debian system: after REDOUBT_NEEDS_DEBIAN there is.
[[nodiscard]] DebianDisks debian_disks();

// A program of the Debian system, to be started on the host. It sees the host's /dev, /proc, /sys
// and /tmp, and has nothing else in common with it but the kernel.
[[nodiscard]] Launch debian_program(std::vector<std::string> words);

struct Ended {
  int status = -1;  // as RedoubtProcess::wait_exit tells it
  std::string output;
};
// Runs such a program to its end.
[[nodiscard]] Ended run_debian_program(std::vector<std::string> words,
                                       std::chrono::seconds patience = kPatience);

// Why there is no Debian system. A board that was given the disks has to have one: there a test
// fails that elsewhere is skipped.
struct NoDebian {
  std::string why;
  bool was_given_disks;
};
[[nodiscard]] std::optional<NoDebian> why_no_debian();

}  // namespace redoubt::suite

#define REDOUBT_NEEDS_DEBIAN()                                 \
  do {                                                         \
    if (const auto none = ::redoubt::suite::why_no_debian()) { \
      if (none->was_given_disks) FAIL() << none->why;          \
      GTEST_SKIP() << none->why;                               \
    }                                                          \
  } while (false)
