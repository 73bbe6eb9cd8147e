// SPDX-License-Identifier: Apache-2.0
//
// Grid: a parameterized test for each cell of a table of operations on states of a page.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace redoubt::suite {

struct GridCell {
  size_t row;
  size_t state;
};

[[nodiscard]] inline std::vector<GridCell> grid_cells(size_t rows, size_t states) {
  std::vector<GridCell> all;
  for (size_t row = 0; row < rows; ++row) {
    for (size_t state = 0; state < states; ++state) all.push_back({row, state});
  }
  return all;
}

// OPERATION_on_STATE.
template <class Row, class State>
[[nodiscard]] std::string grid_name(const Row& row, const State& state) {
  return std::string(row.operation) + "_on_" + state.name;
}

}  // namespace redoubt::suite
