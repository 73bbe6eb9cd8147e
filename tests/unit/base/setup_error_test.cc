// SPDX-License-Identifier: Apache-2.0
#include "vmm/base/setup_error.h"

#include <cerrno>
#include <exception>
#include <functional>
#include <string>
#include <system_error>

#include <gtest/gtest.h>

namespace redoubt {
namespace {

// What main() would print for what `action` throws.
struct Printed {
  std::string chain;
  std::string remedy;
};

Printed print(const std::function<void()>& action) {
  try {
    action();
  } catch (const std::exception& error) {
    return {message_chain(error), remedy_of(error)};
  }
  return {"nothing was thrown", ""};
}

void rethrow_inside(const std::function<void()>& action, const SetupError& outer) {
  try {
    action();
  } catch (...) {
    std::throw_with_nested(outer);
  }
}

TEST(SetupError, has_a_status_of_its_own) {
  EXPECT_EQ(SetupError("x").status(), ExitStatus::SetupFailed);
  EXPECT_EQ(SetupError("x", ExitStatus::HostUnfit).status(), ExitStatus::HostUnfit);
}

TEST(SetupError, single_error_is_its_text) {
  const Printed printed = print([] { throw SetupError("no kernel", ExitStatus::BadPayload); });
  EXPECT_EQ(printed.chain, "no kernel");
  EXPECT_EQ(printed.remedy, "");
}

TEST(SetupError, causes_follow_on_one_line) {
  const Printed printed = print([] {
    rethrow_inside(
        [] { rethrow_inside([] { throw std::runtime_error("innermost"); }, SetupError("inner")); },
        SetupError("outer"));
  });
  EXPECT_EQ(printed.chain, "outer: inner: innermost");
}

TEST(SetupError, cause_that_is_no_exception_class_ends_the_chain) {
  const Printed printed =
      print([] { rethrow_inside([] { throw std::logic_error("bug"); }, SetupError("outer")); });
  EXPECT_EQ(printed.chain, "outer: bug");
}

TEST(SetupError, innermost_remedy_is_the_one_given) {
  const Printed printed = print([] {
    rethrow_inside([] { throw SetupError("inner", ExitStatus::SetupFailed, "do the exact thing"); },
                   SetupError("outer", ExitStatus::SetupFailed, "do something"));
  });
  EXPECT_EQ(printed.remedy, "do the exact thing");
}

TEST(SetupError, outer_remedy_holds_where_the_cause_has_none) {
  const Printed printed = print([] {
    rethrow_inside([] { throw std::runtime_error("inner"); },
                   SetupError("outer", ExitStatus::SetupFailed, "do something"));
  });
  EXPECT_EQ(printed.remedy, "do something");
}

TEST(ThrowErrno, carries_call_and_reason) {
  errno = ENOENT;
  try {
    throw_errno("open /dev/kvm");
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
    EXPECT_EQ(std::string(error.what()), "open /dev/kvm: No such file or directory");
  }
}

}  // namespace
}  // namespace redoubt
