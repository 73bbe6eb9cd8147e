// SPDX-License-Identifier: Apache-2.0
//
// The number that a test with chance in it starts from: REDOUBT_SEED of the environment, to have a
// run again, or else a new one. Whoever takes it says it when the test fails.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>

namespace redoubt {

[[nodiscard]] inline uint32_t test_seed() {
  if (const char* seed = std::getenv("REDOUBT_SEED")) {
    return static_cast<uint32_t>(std::strtoul(seed, nullptr, 0));
  }
  return std::random_device{}();
}

}  // namespace redoubt
