// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/scratch_folder.h"

#include <cerrno>
#include <fstream>
#include <system_error>

#include <stdlib.h>

namespace redoubt::suite {

ScratchFolder::ScratchFolder() {
  std::string name = "/tmp/redoubt-test-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) {
    throw std::system_error(errno, std::generic_category(), name);
  }
  path_ = name;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string ScratchFolder::image(const std::string& name, uint64_t size) const {
  std::string full = *this / name;
  std::ofstream(full).close();
  std::filesystem::resize_file(full, size);
  return full;
}

}  // namespace redoubt::suite
