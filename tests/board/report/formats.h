// SPDX-License-Identifier: Apache-2.0
//
// The results for machines and for a terminal. html_page.h has the page for people.
#pragma once

#include <string>

#include "tests/board/report/environment.h"
#include "tests/board/report/results.h"

namespace redoubt::report {

// Test Anything Protocol, version 13.
[[nodiscard]] std::string to_tap(const Results& results);

// {"format": 1, "counts", "suites": [{"name", "counts"}], "tests": [{"suite", "test", "outcome",
// "seconds", "message"}], "environment": as to_json(environment)}
[[nodiscard]] std::string to_json(const Results& results, const Environment& environment);

// The environment for a terminal: a line for each fact, and what the doctor is not content with.
[[nodiscard]] std::string to_text(const Environment& environment);

// Why tests failed or were skipped, in short, and what the host would need.
[[nodiscard]] std::string to_summary(const Results& results, const Environment& environment);

}  // namespace redoubt::report
