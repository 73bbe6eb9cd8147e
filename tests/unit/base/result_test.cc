// SPDX-License-Identifier: Apache-2.0
#include "vmm/base/result.h"

#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace redoubt {
namespace {

enum class Fault { Small, Large };

Result<int, Fault> halve(int value) {
  if (value % 2 != 0) return Unexpected(Fault::Small);
  return value / 2;
}

Result<int, Fault> quarter(int value) {
  const int half = TRY(halve(value));
  return halve(half);
}

Result<void, Fault> check(int value) {
  if (value < 0) return Unexpected(Fault::Large);
  return {};
}

Result<std::string, Fault> checked_text(int value) {
  TRY(check(value));
  return std::to_string(TRY(quarter(value)));
}

TEST(Result, holds_a_value) {
  const Result<int, Fault> result = halve(4);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(*result, 2);
}

TEST(Result, holds_an_error) {
  const Result<int, Fault> result = halve(3);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error(), Fault::Small);
}

TEST(Result, of_void_is_success_or_an_error) {
  EXPECT_TRUE(check(0).has_value());
  EXPECT_EQ(check(-1).error(), Fault::Large);
}

TEST(Try, gives_the_value) { EXPECT_EQ(quarter(8).value(), 2); }

TEST(Try, returns_the_first_error) {
  EXPECT_EQ(quarter(3).error(), Fault::Small);
  EXPECT_EQ(quarter(6).error(), Fault::Small);
}

TEST(Try, passes_errors_between_results_of_different_values) {
  EXPECT_EQ(checked_text(8).value(), "2");
  EXPECT_EQ(checked_text(-4).error(), Fault::Large);
  EXPECT_EQ(checked_text(2).error(), Fault::Small);
}

TEST(Try, moves_what_cannot_be_copied) {
  const auto make = [](bool good) -> Result<std::unique_ptr<int>, Fault> {
    if (!good) return Unexpected(Fault::Small);
    return std::make_unique<int>(7);
  };
  const auto use = [&](bool good) -> Result<int, Fault> {
    const std::unique_ptr<int> owned = TRY(make(good));
    return *owned;
  };
  EXPECT_EQ(use(true).value(), 7);
  EXPECT_EQ(use(false).error(), Fault::Small);
}

TEST(Try, evaluates_its_expression_once) {
  int calls = 0;
  const auto count = [&]() -> Result<int, Fault> { return ++calls; };
  const auto use = [&]() -> Result<int, Fault> { return TRY(count()); };
  EXPECT_EQ(use().value(), 1);
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace redoubt
