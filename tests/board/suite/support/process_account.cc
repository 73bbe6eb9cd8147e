// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/process_account.h"

#include <algorithm>
#include <filesystem>
#include <initializer_list>
#include <sstream>
#include <string_view>
#include <system_error>
#include <vector>

#include "tests/board/suite/support/host_state.h"

namespace redoubt::suite {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) { return read_file(path.string()).value_or(""); }

std::string lines_with(const fs::path& path, std::initializer_list<std::string_view> words) {
  std::istringstream text(text_of(path));
  std::string found;
  for (std::string line; std::getline(text, line);) {
    const bool wanted = std::any_of(words.begin(), words.end(), [&line](std::string_view word) {
      return line.find(word) != std::string::npos;
    });
    if (wanted) found += line + '\n';
  }
  return found;
}

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::error_code none;
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(folder, none)) entries.push_back(entry.path());
  std::sort(entries.begin(), entries.end());
  return entries;
}

}  // namespace

std::string account_of(pid_t pid) {
  const fs::path process = "/proc/" + std::to_string(pid);
  std::string account;
  for (const fs::path& task : entries_of(process / "task")) {
    account += "thread " + text_of(task / "stat") + text_of(task / "syscall");
    account += text_of(task / "stack");
  }
  for (const fs::path& fd : entries_of(process / "fdinfo")) {
    const std::string of_it = lines_with(fd, {"ticks", "it_value", "eventfd-count", "tfd:"});
    if (!of_it.empty()) account += "descriptor " + fd.filename().string() + '\n' + of_it;
  }
  for (const fs::path& vm : entries_of("/sys/kernel/debug/kvm")) {
    if (!vm.filename().string().starts_with(std::to_string(pid) + '-')) continue;
    for (const char* figure : {"exits", "mmio_exit_user", "signal_exits"}) {
      account += std::string("vm ") + figure + ' ' + text_of(vm / figure);
    }
  }
  account += lines_with("/proc/interrupts", {"CPU0", "arch_timer", "IPI"});
  account += lines_with("/proc/timer_list", {"now at", "cpu:", "next_event", "timerfd", "mode:"});
  return account;
}

}  // namespace redoubt::suite
