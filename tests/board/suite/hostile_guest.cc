// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/hostile_guest.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/needs.h"
#include "tests/board/suite/support/suite_dir.h"
#include "tests/hostile/honest_requests.h"
#include "tests/hostile/vsock_header.h"
#include "vmm/base/setup_error.h"

namespace redoubt::suite {

namespace {

constexpr uint64_t kDiskSize = uint64_t{1} << 20;

void write_file(const std::filesystem::path& path, const std::vector<std::byte>& bytes) {
  std::ofstream file(path, std::ios::binary);
  for (const std::byte byte : bytes) file.put(std::to_integer<char>(byte));
  if (!file.flush()) throw std::runtime_error("write " + path.string());
}

std::string yaml(const std::filesystem::path& folder, bool is_protected) {
  static unsigned guests = 0;
  std::ostringstream text;
  const std::string in = folder.string() + "/";
  text << "name: hostile\n"
       << "protected: " << (is_protected ? "true" : "false") << "\n"
       << "cpus: 2\n"
       << "memory:\n  size: 32MiB\n"
       << "boot:\n"
       << "  kernel: " << suite_file("../guest/evil-flat.bin").lexically_normal().string() << "\n"
       << "  initrd: " << in << "program\n"
       << "console:\n  type: file\n  path: " << in << "console\n"
       << "disks:\n  - path: " << in << "disk\n    serial: hostile\n"
       << "networks:\n  - name: lan\n    type: tap\n    vhost: off\n    tap: rdbt" << ::getpid()
       << "h" << guests++ << "\n"
       << "ports:\n  - name: hostile\n    type: file\n    path: " << in << "port\n"
       << "  - name: stream\n    tty: false\n    type: none\n"
       << "vsock:\n  type: unix\n  path: " << in << "vsock\n"
       << "rng: true\n";
  return text.str();
}

using SocketCall = int (*)(int, const sockaddr*, socklen_t);

// A unix socket after connect(2) or bind(2), whose name `what` is.
UniqueFd unix_socket(const std::string& path, SocketCall call, const char* what) {
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) throw std::runtime_error("too long: " + path);
  std::ranges::copy(path, address.sun_path);
  // SAFETY: connect(2) and bind(2) take any address by that type.
  const auto* const any = reinterpret_cast<const sockaddr*>(&address);
  if (call(socket.get(), any, sizeof(address)) != 0) {
    throw_errno(what + (" " + path));
  }
  return socket;
}

}  // namespace

void pause(hostile::Program& program, uint32_t number) {
  constexpr uint32_t kReceiveQueue = 0;
  program.fresh(hostile::kVsock)
      .descriptor(kReceiveQueue, 0, {hostile::page(hostile::kDataPage), 4096, hostile::kWrite})
      .submit(kReceiveQueue)
      .kick(hostile::kVsock, kReceiveQueue)
      .say(number)
      .until_used(hostile::kVsock, kReceiveQueue);
}

HostileGuest::HostileGuest(const hostile::Program& program, bool is_protected) {
  write_file(folder_ / "program", program.file());
  folder_.image("disk", kDiskSize);
  const std::string config = folder_ / "hostile.yaml";
  std::ofstream(config) << yaml(folder_.path(), is_protected);
  process_.emplace(Launch{.arguments = {"run", config}});
}

std::string HostileGuest::console() const { return read_file(folder_ / "console").value_or(""); }

bool HostileGuest::wait_said(uint32_t number) {
  const std::string line = "evil: " + std::to_string(number) + "\n";
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (console().find(line) == std::string::npos) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    process_->read_for(std::chrono::milliseconds(20));
  }
  return true;
}

void HostileGuest::go_on() const {
  const UniqueFd socket = unix_socket(folder_ / "vsock", ::connect, "connect");
  const std::string line = "CONNECT " + std::to_string(hostile::kGuestPort) + "\n";
  if (::write(socket.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    throw_errno("write to the guest");
  }
}

UniqueFd HostileGuest::listen(uint32_t port) const {
  constexpr int kMost = 4096;
  UniqueFd socket = unix_socket(folder_ / ("vsock_" + std::to_string(port)), ::bind, "bind");
  if (::listen(socket.get(), kMost) != 0 || ::fcntl(socket.get(), F_SETFL, O_NONBLOCK) != 0) {
    throw_errno("listen");
  }
  return socket;
}

std::vector<uint64_t> HostileGuest::told(std::optional<uint32_t> after) const {
  std::vector<uint64_t> numbers;
  std::istringstream lines(console());
  bool wanted = !after;
  for (std::string word, number; lines >> word >> number;) {
    if (word == "evil:" && after) wanted = number == std::to_string(*after);
    if (word == "tell:" && wanted) numbers.push_back(std::stoull(number));
  }
  return numbers;
}

uint64_t HostileGuest::resident_bytes() const { return process_bytes(process_->pid(), "VmRSS"); }

size_t HostileGuest::open_files() const {
  const std::filesystem::directory_iterator all("/proc/" + std::to_string(process_->pid()) + "/fd");
  return static_cast<size_t>(std::distance(begin(all), end(all)));
}

std::string why_no_hostile_guest(bool is_protected) {
  const std::string why = why_no_kvm(is_protected);
  if (!why.empty()) return why;
  if (::access("/dev/net/tun", R_OK | W_OK) != 0) return "no /dev/net/tun for its network";
  return "";
}

}  // namespace redoubt::suite
