// SPDX-License-Identifier: Apache-2.0
//
// CONTRACT_TEST: a test whose body runs in a child process of its own, so that a signal, a hang, a
// lowered limit, a dropped capability or a VM left behind ends with it. Assertions of the child are
// reported as if they were made here; a body that throws Unavailable is skipped with its text.
#pragma once

#include <functional>

#include <gtest/gtest.h>

namespace redoubt::suite {

// Runs `body` in a child and reports what it asserted into the running test. A child that does not
// end within 200 seconds is killed, with the processes it started, and reported.
void run_isolated(const std::function<void()>& body);

}  // namespace redoubt::suite

#define CONTRACT_TEST(group, name)                                      \
  static void group##_##name();                                         \
  TEST(group, name) { ::redoubt::suite::run_isolated(group##_##name); } \
  static void group##_##name()
