// SPDX-License-Identifier: Apache-2.0
//
// Programs of chance, always the same ones; tests/fuzz has others every time.
#include <cstdint>

#include <gtest/gtest.h>

#include "tests/hostile/native/native_machine.h"
#include "tests/hostile/random_program.h"

namespace redoubt::hostile {
namespace {

constexpr unsigned kInstructions = 250;

class RandomPrograms : public testing::TestWithParam<bool> {};

TEST_P(RandomPrograms, leave_every_device_able_to_work) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    NativeMachine::Options options;
    options.is_protected = GetParam();
    options.arena = options.is_protected ? kWindowArena : kRamArena;
    // Half of them with true concurrency, half of them reproducible but for the second CPU.
    options.loop = seed % 2 == 0 ? NativeMachine::Options::Loop::Beside
                                 : NativeMachine::Options::Loop::Stepped;
    Program program(options.arena);
    add_random(program, seed, kInstructions);
    expect_all_work(program);
    NativeMachine machine(options);

    machine.run(program.instructions());

    const auto& told = machine.guest().told();
    ASSERT_EQ(told.size(), program.expected().size());
    for (size_t i = 0; i < told.size(); ++i) {
      ASSERT_EQ(told[i], *program.expected()[i]) << "number " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Protection, RandomPrograms, testing::Bool(), [](const auto& parameter) {
  return parameter.param ? "protected" : "unprotected";
});

}  // namespace
}  // namespace redoubt::hostile
