// SPDX-License-Identifier: Apache-2.0
//
// SHA-256 (FIPS 180-4), so that a kernel's configuration has the name that sha256sum gives it.
#pragma once

#include <string>
#include <string_view>

namespace redoubt::report {

// 64 hexadecimal digits.
[[nodiscard]] std::string sha256(std::string_view data);

}  // namespace redoubt::report
