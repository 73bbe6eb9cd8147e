// SPDX-License-Identifier: Apache-2.0
//
// How often a test that does the same thing again and again does it: as often as it says on a real
// processor; less with REDOUBT_FEWER_ROUNDS in the environment, which an emulated board has and the
// thread sanitizer, for whom it would take minutes.
#pragma once

#include <cstdlib>

namespace redoubt {

template <class Count>
[[nodiscard]] Count rounds(Count on_a_real_processor) {
  constexpr Count kSlowdown = 10;
  return std::getenv("REDOUBT_FEWER_ROUNDS") == nullptr ? on_a_real_processor
                                                        : on_a_real_processor / kSlowdown;
}

}  // namespace redoubt
