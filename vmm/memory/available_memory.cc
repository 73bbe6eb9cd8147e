// SPDX-License-Identifier: Apache-2.0
#include "vmm/memory/available_memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

#include "vmm/memory/proc_file.h"

namespace redoubt {

namespace {

// The number in a file of one line; nothing for "max".
std::optional<uint64_t> read_limit(const std::filesystem::path& file) {
  std::ifstream stream(file);
  std::string text;
  stream >> text;
  return parse_number(text, 10);
}

// Cache that the kernel drops when the group runs into its limit.
uint64_t reclaimable_bytes(const std::filesystem::path& group) {
  std::ifstream stream(group / "memory.stat");
  uint64_t sum = 0;
  std::string name;
  for (uint64_t value = 0; stream >> name >> value;) {
    if (name == "active_file" || name == "inactive_file") sum += value;
  }
  return sum;
}

std::optional<uint64_t> group_headroom(const std::filesystem::path& group) {
  const std::optional<uint64_t> limit = read_limit(group / "memory.max");
  const std::optional<uint64_t> current = read_limit(group / "memory.current");
  if (!limit || !current) return std::nullopt;
  const uint64_t used = *current - std::min(*current, reclaimable_bytes(group));
  return *limit - std::min(*limit, used);
}

// The line "0::/path" is that of the version 2 hierarchy.
std::optional<std::string> own_control_group() {
  std::ifstream stream("/proc/self/cgroup");
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with("0::")) return line.substr(3);
  }
  return std::nullopt;
}

}  // namespace

std::optional<uint64_t> control_group_headroom(const std::filesystem::path& hierarchy,
                                               std::string_view group) {
  std::optional<uint64_t> least;
  const auto consider = [&](const std::filesystem::path& directory) {
    const std::optional<uint64_t> headroom = group_headroom(directory);
    if (headroom) least = std::min(least.value_or(*headroom), *headroom);
  };
  std::filesystem::path directory = hierarchy;
  consider(directory);
  for (const auto& name : std::filesystem::path(group).relative_path()) {
    directory /= name;
    consider(directory);
  }
  return least;
}

uint64_t available_memory_bytes() {
  constexpr uint64_t kUnlimited = std::numeric_limits<uint64_t>::max();
  const uint64_t host = proc_field_bytes("/proc/meminfo", "MemAvailable").value_or(kUnlimited);
  const std::optional<std::string> group = own_control_group();
  if (!group) return host;
  return std::min(host, control_group_headroom("/sys/fs/cgroup", *group).value_or(kUnlimited));
}

}  // namespace redoubt
