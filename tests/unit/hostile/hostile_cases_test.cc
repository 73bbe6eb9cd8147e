// SPDX-License-Identifier: Apache-2.0
//
// Every named attack, against the devices in this process. The board runs the same programs.
#include <cstddef>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/hostile/hostile_cases.h"
#include "tests/hostile/native/native_machine.h"

namespace redoubt::hostile {
namespace {

using Loop = NativeMachine::Options::Loop;

struct Parameter {
  HostileCase hostile_case;
  bool is_protected;
  Loop loop;
};

std::string name_of(const Parameter& parameter) {
  return std::string(parameter.hostile_case.name) +
         (parameter.is_protected ? "_protected" : "_unprotected") +
         (parameter.loop == Loop::Beside ? "_threaded" : "");
}
void PrintTo(const Parameter& parameter, std::ostream* out) { *out << name_of(parameter); }

std::vector<Parameter> parameters() {
  std::vector<Parameter> all;
  for (const bool is_protected : {true, false}) {
    for (const HostileCase& one : hostile_cases(is_protected)) {
      for (const Loop loop : {Loop::Stepped, Loop::Beside}) {
        all.push_back({one, is_protected, loop});
      }
    }
  }
  return all;
}

class HostileCases : public testing::TestWithParam<Parameter> {};

TEST_P(HostileCases, ends_with_the_device_at_work) {
  const Parameter& parameter = GetParam();
  NativeMachine::Options options;
  options.is_protected = parameter.is_protected;
  options.arena = parameter.is_protected ? kWindowArena : kRamArena;
  options.loop = parameter.loop;
  Program program(options.arena);
  parameter.hostile_case.build(program);
  NativeMachine machine(options);

  machine.run(program.instructions());

  const std::vector<uint64_t>& told = machine.guest().told();
  ASSERT_EQ(told.size(), program.expected().size());
  for (size_t i = 0; i < told.size(); ++i) {
    EXPECT_EQ(told[i], program.expected()[i].value_or(told[i])) << "number " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(All, HostileCases, testing::ValuesIn(parameters()),
                         [](const auto& tested) { return name_of(tested.param); });

}  // namespace
}  // namespace redoubt::hostile
