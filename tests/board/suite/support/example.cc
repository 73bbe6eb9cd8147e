// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/example.h"

#include "tests/board/suite/support/suite_dir.h"

namespace redoubt::suite {

namespace fs = std::filesystem;

void place_examples(const ScratchFolder& folder) {
  fs::permissions(folder.path(), fs::perms::owner_all | fs::perms::group_exec |
                                     fs::perms::others_exec | fs::perms::group_read |
                                     fs::perms::others_read);
  fs::copy(suite_file("../../configs").lexically_normal(), folder / "configs");
  fs::create_directories(folder / "build/guest");
  for (const char* name : {"Image", "initramfs.cpio.gz"}) {
    fs::create_symlink(suite_file("../guest").lexically_normal() / name,
                       example_guest_file(folder, name));
  }
}

std::string example_config(const ScratchFolder& folder, const std::string& name) {
  return folder / ("configs/" + name);
}

std::string example_guest_file(const ScratchFolder& folder, const std::string& name) {
  return folder / ("build/guest/" + name);
}

}  // namespace redoubt::suite
