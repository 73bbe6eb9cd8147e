// SPDX-License-Identifier: Apache-2.0
//
// Where the suite finds what it tests: the redoubt binary, the guest payloads and the configs.
#pragma once

#include <filesystem>
#include <string_view>

namespace redoubt::suite {

// The file of that name in the suite's folder: REDOUBT_SUITE_DIR, or else the folder that the suite
// binary itself lies in. Nothing is said about whether it is there.
[[nodiscard]] std::filesystem::path suite_file(std::string_view name);

}  // namespace redoubt::suite
