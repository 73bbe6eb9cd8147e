// SPDX-License-Identifier: Apache-2.0
//
// Sizes in bytes.
#pragma once

#include <cstdint>

namespace redoubt {

inline constexpr uint64_t kKiB = uint64_t{1} << 10;
inline constexpr uint64_t kMiB = uint64_t{1} << 20;
inline constexpr uint64_t kGiB = uint64_t{1} << 30;

}  // namespace redoubt
