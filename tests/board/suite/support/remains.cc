// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/remains.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <sstream>
#include <thread>

#include "tests/board/suite/support/redoubt_process.h"

namespace redoubt::suite {

namespace {

namespace fs = std::filesystem;

// Of /proc/PID/stat: the name is in parentheses and may hold some itself.
struct Stat {
  std::string name;
  char state = 'Z';
  pid_t parent = 0;
};
Stat stat_of(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  std::string text;
  std::getline(file, text);
  const size_t open = text.find('(');
  const size_t close = text.rfind(')');
  if (open == std::string::npos || close == std::string::npos) return {};
  Stat stat{text.substr(open + 1, close - open - 1)};
  std::istringstream(text.substr(close + 1)) >> stat.state >> stat.parent;
  return stat;
}

// "pipe:[1234]" and "/proc/1234/ns" are what they are whatever the number.
std::string without_numbers(std::string text) {
  std::erase_if(text, [](char c) { return c >= '0' && c <= '9'; });
  return text;
}

bool is_there(pid_t process) { return stat_of(process).state != 'Z'; }

}  // namespace

std::ostream& operator<<(std::ostream& out, const Holdings& holdings) {
  out << "programs:";
  for (const std::string& program : holdings.programs) out << ' ' << program;
  out << "\ndescriptors:";
  for (const std::string& descriptor : holdings.descriptors) out << ' ' << descriptor;
  return out << '\n';
}

std::vector<pid_t> descendants_of(pid_t process) {
  std::vector<pid_t> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    pid_t other = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), other);
    if (parsed.ptr != name.data() + name.size() || stat_of(other).parent != process) continue;
    found.push_back(other);
    const std::vector<pid_t> below = descendants_of(other);
    found.insert(found.end(), below.begin(), below.end());
  }
  return found;
}

Holdings holdings_of(pid_t process) {
  Holdings holdings;
  for (const pid_t other : descendants_of(process))
    holdings.programs.push_back(stat_of(other).name);
  for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(process) + "/fd")) {
    std::error_code ignored;
    holdings.descriptors.push_back(without_numbers(fs::read_symlink(entry.path(), ignored)));
  }
  std::sort(holdings.programs.begin(), holdings.programs.end());
  std::sort(holdings.descriptors.begin(), holdings.descriptors.end());
  return holdings;
}

std::vector<pid_t> wait_until_gone(std::vector<pid_t> processes) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    std::erase_if(processes, [](pid_t process) { return !is_there(process); });
    if (processes.empty() || std::chrono::steady_clock::now() > deadline) return processes;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace redoubt::suite
