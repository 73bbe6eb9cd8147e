// SPDX-License-Identifier: Apache-2.0
#include "vmm/config/nearest_name.h"

#include <array>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace redoubt::config {
namespace {

constexpr std::array<std::string_view, 5> kNames = {"run", "check", "doctor", "memory.size",
                                                    "cpus"};

TEST(NearestName, finds_letters_swapped_missing_superfluous_and_wrong) {
  EXPECT_EQ(nearest_name("rnu", kNames), "run");
  EXPECT_EQ(nearest_name("chek", kNames), "check");
  EXPECT_EQ(nearest_name("doctoor", kNames), "doctor");
  EXPECT_EQ(nearest_name("memory.sice", kNames), "memory.size");
  EXPECT_EQ(nearest_name("vcpus", kNames), "cpus");
}

TEST(NearestName, takes_upper_case_and_beginnings) {
  EXPECT_EQ(nearest_name("CPUS", kNames), "cpus");
  EXPECT_EQ(nearest_name("mem", kNames), "memory.size");
}

TEST(NearestName, names_nothing_that_is_far) {
  EXPECT_EQ(nearest_name("flavour", kNames), std::nullopt);
  EXPECT_EQ(nearest_name("x", kNames), std::nullopt);
  EXPECT_EQ(nearest_name("", kNames), std::nullopt);
  EXPECT_EQ(nearest_name(std::string(100'000, 'r'), kNames), std::nullopt);
}

TEST(Enumerate, reads_as_a_sentence) {
  EXPECT_EQ(enumerate(std::span(kNames).first(1), "or"), "run");
  EXPECT_EQ(enumerate(std::span(kNames).first(2), "or"), "run or check");
  EXPECT_EQ(enumerate(std::span(kNames).first(3), "and"), "run, check and doctor");
}

}  // namespace
}  // namespace redoubt::config
