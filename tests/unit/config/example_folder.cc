// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/config/example_folder.h"

#include <cstdlib>

namespace redoubt::config {

std::filesystem::path example_folder() {
  const char* folder = std::getenv("REDOUBT_CONFIGS");
  return folder != nullptr ? folder : REDOUBT_SOURCE_DIR "/configs";
}

}  // namespace redoubt::config
