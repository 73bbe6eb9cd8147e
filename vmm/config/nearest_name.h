// SPDX-License-Identifier: Apache-2.0
//
// "did you mean …?": the name that somebody who typed something else probably had in mind.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace redoubt::config {

// The nearest of `names` by number of letters missing, superfluous, wrong or swapped, upper and
// lower case being the same; nothing if none is near enough to be worth naming.
[[nodiscard]] std::optional<std::string_view> nearest_name(std::string_view typed,
                                                           std::span<const std::string_view> names);

// ", did you mean NAME?" or nothing.
[[nodiscard]] std::string did_you_mean(std::optional<std::string_view> name);

// "a, b or c", with `last` before the last one.
[[nodiscard]] std::string enumerate(std::span<const std::string_view> names, std::string_view last);

}  // namespace redoubt::config
