// SPDX-License-Identifier: Apache-2.0
//
// Programs of chance: what a hostile driver might do, in any order. A seed makes the same program
// everywhere.
#pragma once

#include <cstdint>

#include "tests/hostile/program.h"

namespace redoubt::hostile {

// Adds `instructions` of them, against all devices. The second CPU is at rest in the end.
void add_random(Program& program, uint64_t seed, unsigned instructions);

// Every device serves an honest driver.
void expect_all_work(Program& program);

}  // namespace redoubt::hostile
