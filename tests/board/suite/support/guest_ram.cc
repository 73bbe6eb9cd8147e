// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/guest_ram.h"

#include <fstream>

namespace redoubt::suite {

GuestRam guest_ram_of(pid_t pid) {
  std::ifstream maps("/proc/" + std::to_string(pid) + "/smaps");
  uintptr_t start = 0;
  uintptr_t end = 0;
  for (std::string line; std::getline(maps, line);) {
    if (const size_t dash = line.find('-'); dash != std::string::npos && dash < line.find(' ')) {
      start = std::stoull(line, nullptr, 16);
      end = std::stoull(line.substr(dash + 1), nullptr, 16);
    } else if (line.starts_with("VmFlags:") && line.find(" dd") != std::string::npos &&
               line.find(" dc") != std::string::npos) {
      return {start, end - start, line};
    }
  }
  return {};
}

}  // namespace redoubt::suite
