// SPDX-License-Identifier: Apache-2.0
//
// ScratchFolder: a new folder below /tmp for one test, which the programs of the Debian system see
// under the same name (debian.h). It is gone with the object, and all that is in it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace redoubt::suite {

class ScratchFolder {
 public:
  ScratchFolder();  // throws std::system_error
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  // The full name of something in it.
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ / name; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  // Makes a file of so many zeros, which take no space; its full name. Throws std::system_error.
  std::string image(const std::string& name, uint64_t size) const;

 private:
  std::filesystem::path path_;
};

}  // namespace redoubt::suite
