// SPDX-License-Identifier: Apache-2.0
#include "vmm/memory/proc_file.h"

#include <charconv>
#include <fstream>
#include <limits>

namespace redoubt {

std::optional<std::string> proc_field(const std::filesystem::path& file, std::string_view name) {
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    if (!line.starts_with(name) || line.substr(name.size(), 1) != ":") continue;
    const size_t first = line.find_first_not_of(" \t", name.size() + 1);
    if (first == std::string::npos) return std::string();
    return line.substr(first, line.find_last_not_of(" \t") - first + 1);
  }
  return std::nullopt;
}

std::optional<uint64_t> proc_field_bytes(const std::filesystem::path& file, std::string_view name) {
  const std::optional<std::string> field = proc_field(file, name);
  if (!field || !field->ends_with(" kB")) return std::nullopt;
  const std::optional<uint64_t> kib = parse_number(*field, 10);
  if (!kib || *kib > std::numeric_limits<uint64_t>::max() / 1024) return std::nullopt;
  return *kib * 1024;
}

std::optional<uint64_t> parse_number(std::string_view text, int base) {
  uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value, base);
  if (error != std::errc() || (rest != end && *rest != ' ' && *rest != '\n')) return std::nullopt;
  return value;
}

}  // namespace redoubt
