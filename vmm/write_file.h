// SPDX-License-Identifier: Apache-2.0
//
// Whole outputs, to a file or to standard output, without losing an error.
#pragma once

#include <filesystem>
#include <string_view>

namespace redoubt {

// Replaces `path` by `text` in one step: a reader sees the old file or the new one. Throws
// std::system_error, and leaves nothing behind then.
void write_file(const std::filesystem::path& path, std::string_view text);

// Throws std::system_error; a reader that has left counts as an error too.
void write_standard_output(std::string_view text);

}  // namespace redoubt
