// SPDX-License-Identifier: Apache-2.0
//
// Files as a configuration meets them: its own text, and those that it names.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace redoubt::config {

// The text of a configuration file, without a byte-order mark. Throws ConfigError if `file` is not
// a readable regular file of at most 1 MiB.
[[nodiscard]] std::string read_config_file(const std::filesystem::path& file);

// Why `file` cannot be booted from, in words that follow its name; nothing if it can be read and
// is not empty.
[[nodiscard]] std::optional<std::string> why_not_readable(const std::filesystem::path& file);

// Why nothing can be created at `file`, or nothing. What is there already must be no folder, and
// may be written.
[[nodiscard]] std::optional<std::string> why_not_creatable(const std::filesystem::path& file);

// Why `file` cannot be a guest's disk, or nothing: a regular file or block device that may be read,
// and written unless `readonly`, of whole sectors of 512 bytes.
[[nodiscard]] std::optional<std::string> why_no_disk(const std::filesystem::path& file,
                                                     bool readonly);

// Why `folder` cannot be shared, or nothing.
[[nodiscard]] std::optional<std::string> why_no_folder(const std::filesystem::path& folder);

// `path` made absolute. Only a leading ".." is resolved by name, which is right because `folder` is
// free of symbolic links; one behind a name is left to the kernel.
[[nodiscard]] std::filesystem::path resolve(const std::filesystem::path& folder,
                                            const std::filesystem::path& path);

// The current directory, or the folder of `file`: absolute and free of symbolic links as far as it
// exists.
[[nodiscard]] std::filesystem::path folder_of(const std::filesystem::path& file);

}  // namespace redoubt::config
