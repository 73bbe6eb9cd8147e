// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/host_state.h"

#include <array>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tests/board/suite/support/backing.h"
#include "vmm/base/setup_error.h"
#include "vmm/base/unique_fd.h"

namespace redoubt::suite {
namespace {

// The number after `name` on the first line that starts with it, as the files of /proc have them.
std::optional<uint64_t> figure(const std::string& path, std::string_view name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(name)) continue;
    const std::string_view rest = std::string_view(line).substr(name.size());
    const size_t digits = rest.find_first_not_of(": \t");
    if (digits == 0 || digits == std::string_view::npos) continue;
    return std::strtoull(rest.data() + digits, nullptr, 10);
  }
  return std::nullopt;
}

struct Capabilities {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};

  Capabilities() {
    if (::syscall(SYS_capget, &header, data.data()) != 0) {
      throw_errno("capget");
    }
  }
};

}  // namespace

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

bool write_file(const std::string& path, std::string_view text) {
  std::ofstream file(path);
  file << text << std::flush;
  return file.good();
}

std::optional<uint64_t> meminfo(std::string_view name) { return figure("/proc/meminfo", name); }

uint64_t unused_bytes() {
  uint64_t bytes = 0;
  for (const char* name : {"MemFree", "Active(file)", "Inactive(file)", "SReclaimable"}) {
    bytes += meminfo(name).value_or(0) * 1024;
  }
  std::ifstream zones("/proc/zoneinfo");
  for (std::string word; zones >> word;) {
    uint64_t pages = 0;
    if (word == "count:" && zones >> pages) bytes += pages * page_size();
  }
  return bytes;
}

uint64_t process_bytes(pid_t pid, std::string_view name) {
  return figure("/proc/" + std::to_string(pid) + "/status", name).value_or(0) * 1024;
}

uint64_t locked_bytes() { return process_bytes(::getpid(), "VmLck"); }

std::optional<uint64_t> vmstat(std::string_view name) { return figure("/proc/vmstat", name); }

int64_t pinned_pages() {
  // Each CPU keeps small changes to itself for a second or two; this brings them together.
  write_file("/proc/sys/vm/stat_refresh", "1");
  const auto acquired = vmstat("nr_foll_pin_acquired");
  const auto released = vmstat("nr_foll_pin_released");
  return static_cast<int64_t>(acquired.value_or(0)) - static_cast<int64_t>(released.value_or(0));
}

uint64_t anonymous_huge_bytes(const void* address) {
  std::array<char, 32> start{};
  // SAFETY: the address is only printed.
  std::snprintf(start.data(), start.size(), "%" PRIxPTR "-", reinterpret_cast<uintptr_t>(address));
  std::ifstream smaps("/proc/self/smaps");
  bool inside = false;
  for (std::string line; std::getline(smaps, line);) {
    if (line.starts_with(start.data())) inside = true;
    if (inside && line.starts_with("AnonHugePages:")) {
      return std::strtoull(line.c_str() + sizeof "AnonHugePages:" - 1, nullptr, 10) * 1024;
    }
  }
  return 0;
}

std::optional<unsigned> cpu_part() {
  const auto midr = read_file("/sys/devices/system/cpu/cpu0/regs/identification/midr_el1");
  if (!midr) return std::nullopt;
  return static_cast<unsigned>(std::strtoull(midr->c_str(), nullptr, 16) >> 4 & 0xfff);
}

bool kernel_is_before(unsigned major, unsigned minor) {
  utsname name{};
  std::array<unsigned, 2> version{};
  if (::uname(&name) != 0 ||
      std::sscanf(name.release, "%u.%u", &version[0], &version[1]) != int{version.size()}) {
    throw std::runtime_error(std::string("no version of a kernel: ") + name.release);
  }
  return version < std::array{major, minor};
}

void limit_locked_memory(uint64_t bytes) {
  rlimit limit{};
  ::getrlimit(RLIMIT_MEMLOCK, &limit);
  limit.rlim_cur = bytes;
  if (::setrlimit(RLIMIT_MEMLOCK, &limit) != 0) {
    throw_errno("setrlimit(RLIMIT_MEMLOCK)");
  }
}

void drop_ipc_lock() {
  Capabilities capabilities;
  capabilities.data[CAP_IPC_LOCK / 32].effective &= ~(1u << (CAP_IPC_LOCK % 32));
  if (::syscall(SYS_capset, &capabilities.header, capabilities.data.data()) != 0) {
    throw_errno("capset without CAP_IPC_LOCK");
  }
}

bool has_ipc_lock() {
  const Capabilities capabilities;
  return (capabilities.data[CAP_IPC_LOCK / 32].effective >> (CAP_IPC_LOCK % 32) & 1) != 0;
}

std::string kernel_log() {
  const UniqueFd log(::open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  std::string text;
  std::array<char, 8192> record;
  for (;;) {
    const ssize_t length = ::read(log.get(), record.data(), record.size());
    if (length > 0) {
      text.append(record.data(), static_cast<size_t>(length));
    } else if (length == 0 || errno != EPIPE) {  // EPIPE: records were overwritten; read on
      return text;
    }
  }
}

}  // namespace redoubt::suite
