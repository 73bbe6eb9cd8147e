// SPDX-License-Identifier: Apache-2.0
//
// How often a test that does the same thing again and again does it: as often as it says on a real
// processor; less on an emulated board, which says so by REDOUBT_EMULATED in the environment and
// would need minutes for what takes a real one a second.
#pragma once

#include <cstdlib>

namespace redoubt {

template <class Count>
[[nodiscard]] Count rounds(Count on_a_real_processor) {
  constexpr Count kSlowdown = 10;
  return std::getenv("REDOUBT_EMULATED") == nullptr ? on_a_real_processor
                                                    : on_a_real_processor / kSlowdown;
}

}  // namespace redoubt
