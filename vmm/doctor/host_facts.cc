// SPDX-License-Identifier: Apache-2.0
#include "vmm/doctor/host_facts.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string_view>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "vmm/base/child_process.h"
#include "vmm/base/unique_fd.h"
#include "vmm/memory/available_memory.h"

// Linux 6.4; older headers lack it.
#ifndef PR_GET_MEMORY_MERGE
#define PR_GET_MEMORY_MERGE 68
#endif

namespace redoubt::doctor {

namespace {

// Besides $PATH: where distributions put what only other programs start.
const std::array<std::filesystem::path, 2> kVirtiofsdFolders{"/usr/libexec", "/usr/lib"};

// The first `limit` bytes of a file of /proc or /sys; empty if it cannot be read.
std::string read_text(const std::filesystem::path& path, size_t limit = 65536) {
  std::ifstream file(path, std::ios::binary);
  std::string text(limit, '\0');
  file.read(text.data(), static_cast<std::streamsize>(limit));
  text.resize(static_cast<size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\0')) text.pop_back();
  return text;
}

std::optional<uint64_t> read_number(const std::filesystem::path& path) {
  const std::string text = read_text(path, 64);
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

std::string gic_of(const std::string& interrupts) {
  for (const char* name : {"GICv5", "GICv4", "GICv3", "GICv2", "GIC-0"}) {
    if (interrupts.find(name) != std::string::npos) return name;
  }
  return {};
}

bool is_about_kvm(std::string_view line) {
  for (const std::string_view word : {"kvm", "EL2", "EL1", "HYP mode", "Protected"}) {
    if (line.find(word) != std::string_view::npos) return true;
  }
  return false;
}

// Records of /dev/kmsg read "prefix;text\n continuation lines".
std::vector<std::string> read_kvm_log(const std::filesystem::path& path) {
  constexpr size_t kRecordSize = 8192;
  constexpr int kMaxRecords = 100'000;
  std::vector<std::string> lines;
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid()) return lines;
  std::array<char, kRecordSize> record{};
  for (int i = 0; i < kMaxRecords; ++i) {
    const ssize_t size = ::read(fd.get(), record.data(), record.size());
    if (size < 0 && errno == EPIPE) continue;  // this record was overwritten meanwhile
    if (size <= 0) break;
    std::string_view text(record.data(), static_cast<size_t>(size));
    text = text.substr(std::min(text.size(), text.find(';') + 1));
    text = text.substr(0, text.find('\n'));
    if (is_about_kvm(text)) lines.emplace_back(text);
  }
  return lines;
}

int open_error(const std::filesystem::path& node) {
  const UniqueFd fd(::open(node.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  return fd.valid() ? 0 : errno;
}

// A ring that cannot be described is refused with EFAULT, after the question whether this process
// may have one at all.
int io_uring_error() {
  if (::syscall(SYS_io_uring_setup, 1, nullptr) >= 0 || errno == EFAULT) return 0;
  return errno;
}

uint64_t effective_capabilities(const std::string& status) {
  constexpr std::string_view kName = "CapEff:\t";
  const size_t start = status.find(kName);
  uint64_t mask = 0;
  if (start == std::string::npos) return mask;
  const char* first = status.data() + start + kName.size();
  std::from_chars(first, status.data() + status.size(), mask, 16);
  return mask;
}

}  // namespace

HostFacts gather_host_facts(const std::filesystem::path& root) {
  HostFacts facts;
  utsname name{};
  ::uname(&name);
  facts.machine = name.machine;
  facts.kernel_release = name.release;
  facts.kernel_cmdline = read_text(root / "proc/cmdline");
  facts.kvm_log = read_kvm_log(root / "dev/kmsg");
  facts.foreign_hypervisor = read_text(root / "sys/firmware/devicetree/base/hypervisor/compatible");
  facts.gic = gic_of(read_text(root / "proc/interrupts", 1 << 20));
  facts.locked_memory = locked_memory();
  facts.available_memory = available_memory_bytes();
  facts.ksm_run = read_number(root / "sys/kernel/mm/ksm/run");
  facts.merges_all_memory = ::prctl(PR_GET_MEMORY_MERGE, 0, 0, 0, 0) == 1;
  facts.max_ptes_none =
      read_number(root / "sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_none");
  facts.core_pattern = read_text(root / "proc/sys/kernel/core_pattern");
  facts.taint = read_number(root / "proc/sys/kernel/tainted");
  facts.kernel_config = read_kernel_config(root, facts.kernel_release);
  facts.vhost_net_error = open_error(root / "dev/vhost-net");
  facts.vhost_vsock_error = open_error(root / "dev/vhost-vsock");
  facts.tun_error = open_error(root / "dev/net/tun");
  facts.io_uring_error = io_uring_error();
  facts.passt = find_program("passt");
  facts.virtiofsd = find_program("virtiofsd", kVirtiofsdFolders);
  facts.capabilities = effective_capabilities(read_text(root / "proc/self/status"));
  facts.root = root;
  return facts;
}

}  // namespace redoubt::doctor
