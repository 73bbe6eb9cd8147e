// SPDX-License-Identifier: Apache-2.0
//
// The "Name:   value" files of /proc.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace redoubt {

// What stands after "`name`:" in the file, without surrounding blanks; nothing if the file cannot
// be read or has no such line.
[[nodiscard]] std::optional<std::string> proc_field(const std::filesystem::path& file,
                                                    std::string_view name);

// A field of the form "123 kB", in bytes.
[[nodiscard]] std::optional<uint64_t> proc_field_bytes(const std::filesystem::path& file,
                                                       std::string_view name);

// A whole number in base 10 or 16 that fills the text up to a blank or its end.
[[nodiscard]] std::optional<uint64_t> parse_number(std::string_view text, int base);

}  // namespace redoubt
