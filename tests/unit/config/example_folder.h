// SPDX-License-Identifier: Apache-2.0
//
// Where the example configurations are: in the tree, or on the board where REDOUBT_CONFIGS says.
#pragma once

#include <filesystem>

namespace redoubt::config {

std::filesystem::path example_folder();

}  // namespace redoubt::config
