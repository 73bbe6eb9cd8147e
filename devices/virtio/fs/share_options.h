// SPDX-License-Identifier: Apache-2.0
//
// What can be chosen about a shared folder.
#pragma once

#include <filesystem>
#include <string>

namespace redoubt {

struct ShareOptions {
  std::string tag{};             // mount -t virtiofs TAG …; 1 to 36 bytes
  std::filesystem::path path{};  // the folder
  bool readonly = false;

  bool operator==(const ShareOptions&) const = default;
};

}  // namespace redoubt
