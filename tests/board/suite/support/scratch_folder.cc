// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/scratch_folder.h"

#include <fstream>
#include <system_error>

#include <stdlib.h>

#include "vmm/base/setup_error.h"

namespace redoubt::suite {

ScratchFolder::ScratchFolder() {
  std::string name = "/tmp/redoubt-test-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) {
    throw_errno(name);
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
