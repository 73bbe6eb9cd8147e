// SPDX-License-Identifier: Apache-2.0
//
// The configuration of the kernel that this host runs, as the kernel itself or its package tells
// it.
#pragma once

#include <filesystem>
#include <string>

namespace redoubt::doctor {

struct KernelConfigFile {
  std::string path;  // below the root; empty if there is none
  std::string text;
};

// Looks below `root` for /proc/config.gz, then for what distributions install.
[[nodiscard]] KernelConfigFile read_kernel_config(const std::filesystem::path& root,
                                                  const std::string& kernel_release);

}  // namespace redoubt::doctor
