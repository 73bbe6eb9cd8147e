// SPDX-License-Identifier: Apache-2.0
//
// For tests of what must kill the process, or must be tried in a process of its own.
#pragma once

#include <csignal>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/memory/sanitized.h"

namespace redoubt {

// A sanitizer that handles SIGSEGV itself reports and exits; otherwise the signal must have killed.
inline bool died_of(int status, int signal) {
  if (kSanitized && WIFEXITED(status)) return WEXITSTATUS(status) != 0;
  return WIFSIGNALED(status) && WTERMSIG(status) == signal;
}

// Runs `body` in a child process: its exit status as wait(2) reports it. The child exits with 0 if
// the body returns.
template <class Body>
int status_in_child(Body body) {
  const pid_t child = ::fork();
  if (child == 0) {
    body();
    ::_exit(0);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

}  // namespace redoubt
