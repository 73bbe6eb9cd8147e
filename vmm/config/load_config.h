// SPDX-License-Identifier: Apache-2.0
//
// From a YAML file and the --set options of the command line to a VmConfig. Reports every fault of
// both at once, each with its place; throws nothing but ConfigError.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "vmm/config/config_error.h"
#include "vmm/config/vm_config.h"

namespace redoubt::config {

// Whether the files that a configuration names must be there.
enum class FileChecks { Perform, Skip };

// Each override is "key=value" with a dotted key, such as "memory.size=1GiB"; the last of several
// for one key counts, and an empty value stands for the key's default. Paths in the file start from
// its folder, paths in overrides from the current directory.
[[nodiscard]] VmConfig load_config(const std::filesystem::path& file,
                                   std::span<const std::string> overrides = {},
                                   FileChecks checks = FileChecks::Perform);

// The same for the text of a file. `source` is the name that messages give it and `folder`, which
// is absolute, where its relative paths start from.
[[nodiscard]] VmConfig parse_config(const std::filesystem::path& source, std::string_view text,
                                    const std::filesystem::path& folder,
                                    std::span<const std::string> overrides = {},
                                    FileChecks checks = FileChecks::Perform);

}  // namespace redoubt::config
