// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/suite_dir.h"

#include <cstdlib>

namespace redoubt::suite {

std::filesystem::path suite_file(std::string_view name) {
  if (const char* directory = std::getenv("REDOUBT_SUITE_DIR")) {
    return std::filesystem::path(directory) / name;
  }
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / name;
}

}  // namespace redoubt::suite
