// SPDX-License-Identifier: Apache-2.0
//
// The number that a test with chance in it starts from: REDOUBT_SEED of the environment, to have a
// run again, or else a new one. Whoever takes it says it when the test fails.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>

namespace redoubt {

// For a test whose programs are the same every time but where a seed is asked for.
[[nodiscard]] inline uint32_t seed_or(uint32_t usual) {
  const char* seed = std::getenv("REDOUBT_SEED");
  return seed == nullptr ? usual : static_cast<uint32_t>(std::strtoul(seed, nullptr, 0));
}

[[nodiscard]] inline uint32_t test_seed() { return seed_or(std::random_device{}()); }

}  // namespace redoubt
