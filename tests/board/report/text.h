// SPDX-License-Identifier: Apache-2.0
//
// Text that tests and hosts have written, made fit for the formats of the report.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace redoubt::report {

// `text` as UTF-8 that XML can carry: what is neither becomes U+FFFD.
[[nodiscard]] std::string clean(std::string_view text);

// clean() text between tags or within "": & < > " as entities.
[[nodiscard]] std::string escaped(std::string_view text);

[[nodiscard]] std::vector<std::string_view> lines_of(std::string_view text);
// Without white space at both ends.
[[nodiscard]] std::string_view trimmed(std::string_view text);

}  // namespace redoubt::report
