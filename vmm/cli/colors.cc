// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/colors.h"

#include <cstdlib>
#include <string_view>

#include <unistd.h>

namespace redoubt::cli {

config::Colors colors_for(BorrowedFd fd) {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string_view(value == nullptr ? "" : value);
  };
  const std::string_view terminal = variable("TERM");
  const bool capable = !terminal.empty() && terminal != "dumb";
  const bool wanted = variable("NO_COLOR").empty() && capable && ::isatty(fd.get()) == 1;
  return wanted ? config::Colors::On : config::Colors::Off;
}

}  // namespace redoubt::cli
