// SPDX-License-Identifier: Apache-2.0
#include "tests/board/report/host_reading.h"

#include <array>
#include <cerrno>
#include <ctime>
#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tests/board/report/text.h"
#include "vmm/base/unique_fd.h"

namespace redoubt::report {

namespace {

namespace fs = std::filesystem;

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  // What the device tree has is terminated, and lists of it are separated, by NUL.
  while (!text.empty() && text.back() == '\0') text.pop_back();
  for (char& c : text) {
    if (c == '\0') c = ' ';
  }
  return std::string(trimmed(text));
}

// Records are "prefix;text" with further lines that begin with a space; one to a read().
std::vector<std::string> read_kernel_log(const fs::path& path) {
  constexpr int kMaxRecords = 200'000;
  std::vector<std::string> log;
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid()) return log;
  std::array<char, 8192> record{};
  for (int i = 0; i < kMaxRecords; ++i) {
    const ssize_t size = ::read(fd.get(), record.data(), record.size());
    if (size < 0 && errno == EPIPE) continue;  // this record was overwritten meanwhile
    if (size <= 0) break;
    for (const std::string_view line :
         lines_of(std::string_view(record.data(), static_cast<size_t>(size)))) {
      const size_t prefix = line.find(';');
      if (!line.starts_with(' ') && prefix != std::string_view::npos) {
        log.emplace_back(line.substr(prefix + 1));
      }
    }
  }
  return log;
}

std::string joined(std::initializer_list<std::string> words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() || word.empty() ? "" : " ") + word;
  return text;
}

std::string now() {
  const std::time_t seconds = std::time(nullptr);
  std::tm time{};
  ::gmtime_r(&seconds, &time);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &time)};
}

}  // namespace

HostReading read_host(const fs::path& root) {
  HostReading reading;
  reading.facts = doctor::gather_host_facts(root);
  utsname name{};
  ::uname(&name);
  reading.kernel_version = name.version;
  reading.kernel_log = read_kernel_log(root / "dev/kmsg");
  reading.cpuinfo = read_text(root / "proc/cpuinfo");
  reading.meminfo = read_text(root / "proc/meminfo");

  const fs::path tree = root / "sys/firmware/devicetree/base";
  const fs::path dmi = root / "sys/class/dmi/id";
  reading.model = read_text(tree / "model");
  if (reading.model.empty()) reading.model = read_text(tree / "compatible");
  if (reading.model.empty()) {
    reading.model = joined({read_text(dmi / "sys_vendor"), read_text(dmi / "product_name")});
  }
  reading.firmware = joined({read_text(dmi / "bios_vendor"), read_text(dmi / "bios_version"),
                             read_text(dmi / "bios_date")});
  reading.psci = read_text(tree / "psci/compatible");
  reading.has_efi = fs::exists(root / "sys/firmware/efi");
  reading.has_device_tree = fs::exists(tree);
  reading.page_size = ::sysconf(_SC_PAGESIZE);
  reading.user_id = ::geteuid();
  reading.begin = now();
  return reading;
}

}  // namespace redoubt::report
