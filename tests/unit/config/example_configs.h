// SPDX-License-Identifier: Apache-2.0
//
// Where the example configurations are: in the tree, or on the board where REDOUBT_CONFIGS says.
#pragma once

#include <cstdlib>
#include <filesystem>

namespace redoubt::config {

inline std::filesystem::path example_folder() {
  const char* folder = std::getenv("REDOUBT_CONFIGS");
  return folder != nullptr ? folder : REDOUBT_SOURCE_DIR "/configs";
}

}  // namespace redoubt::config
