// SPDX-License-Identifier: Apache-2.0
//
// The report for people: one file that needs no other, no network and no script.
#pragma once

#include <string>

#include "tests/board/report/environment.h"
#include "tests/board/report/results.h"

namespace redoubt::report {

// HTML that is well-formed XML too. Failures come first, with their messages; then every test as a
// cell of a matrix, the figures, the environment, and a list of all tests.
[[nodiscard]] std::string to_html(const Results& results, const Environment& environment);

}  // namespace redoubt::report
