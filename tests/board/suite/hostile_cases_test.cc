// SPDX-License-Identifier: Apache-2.0
//
// Every named attack on the devices of a real guest. One guest does them all, one after the other,
// and each is judged by what that guest told of it.
#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/board/suite/hostile_guest.h"
#include "tests/hostile/hostile_cases.h"
#include "tests/hostile/random_program.h"
#include "tests/seed.h"

namespace redoubt::suite {
namespace {

using hostile::hostile_cases;
using hostile::HostileCase;
using hostile::Program;

constexpr std::chrono::seconds kLongest{240};

struct Sweep {
  int status = -1;
  std::string console;
  std::string log;
  std::vector<std::vector<uint64_t>> told;  // by case
};

// A log or console may be long; what matters is where it stopped.
std::string end_of(const std::string& text) {
  constexpr size_t kShown = 600;
  return text.size() > kShown ? "…" + text.substr(text.size() - kShown) : text;
}

// Those of a protected guest, which can do more. Natively an unprotected one runs them too.
const std::vector<HostileCase>& cases() {
  static const std::vector<HostileCase> all = hostile_cases(true);
  return all;
}

Sweep run_all() {
  Program program(hostile_arena(true));
  for (size_t i = 0; i < cases().size(); ++i) {
    program.say(static_cast<uint32_t>(i));
    cases()[i].build(program);
  }
  HostileGuest guest(program, true);
  Sweep run;
  run.status = guest.process().wait_exit(kLongest);
  run.console = guest.console();
  run.log = guest.process().output();
  for (size_t i = 0; i < cases().size(); ++i) {
    run.told.push_back(guest.told(static_cast<uint32_t>(i)));
  }
  return run;
}

const Sweep& the_run() {
  static const Sweep run = run_all();
  return run;
}

TEST(HostileGuests, end_like_others) {
  REDOUBT_NEEDS_HOSTILE_GUEST(true);
  const Sweep& run = the_run();

  EXPECT_EQ(run.status, 0) << end_of(run.log);
  EXPECT_NE(run.console.find("evil: over\n"), std::string::npos)
      << end_of(run.console) << end_of(run.log);
}

class HostileCases : public testing::TestWithParam<size_t> {};

TEST_P(HostileCases, end_with_the_device_at_work) {
  REDOUBT_NEEDS_HOSTILE_GUEST(true);
  Program alone(hostile_arena(true));
  cases()[GetParam()].build(alone);
  const Sweep& run = the_run();

  const std::vector<uint64_t>& told = run.told[GetParam()];
  ASSERT_EQ(told.size(), alone.expected().size()) << end_of(run.console);
  for (size_t i = 0; i < told.size(); ++i) {
    EXPECT_EQ(told[i], alone.expected()[i].value_or(told[i])) << "number " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(All, HostileCases, testing::Range(size_t{0}, cases().size()),
                         [](const auto& tested) {
                           return std::string(cases()[tested.param].name);
                         });

class HostileChance : public testing::TestWithParam<bool> {};

TEST_P(HostileChance, random_programs_leave_every_device_able_to_work) {
  REDOUBT_NEEDS_HOSTILE_GUEST(GetParam());
  constexpr uint32_t kPrograms = 6;
  constexpr unsigned kInstructions = 250;
  Program program(hostile_arena(GetParam()));
  const uint64_t first = seed_or(1);
  SCOPED_TRACE("REDOUBT_SEED=" + std::to_string(first));
  for (uint32_t index = 1; index <= kPrograms; ++index) {
    program.say(index);
    add_random(program, first + index - 1, kInstructions);
    expect_all_work(program);
  }
  HostileGuest guest(program, GetParam());

  EXPECT_EQ(guest.process().wait_exit(kLongest), 0) << end_of(guest.process().output());

  const std::vector<uint64_t> told = guest.told();
  ASSERT_EQ(told.size(), program.expected().size()) << end_of(guest.console());
  for (size_t i = 0; i < told.size(); ++i) {
    EXPECT_EQ(told[i], program.expected()[i].value_or(told[i])) << "number " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Protection, HostileChance, testing::Bool(), [](const auto& parameter) {
  return parameter.param ? "protected" : "unprotected";
});

}  // namespace
}  // namespace redoubt::suite
