// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/private_network.h"
#include "vmm/base/setup_error.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

namespace redoubt::suite {

namespace {

ifreq request_for(const std::string& interface) {
  ifreq request{};
  interface.copy(std::begin(request.ifr_name), IFNAMSIZ - 1);
  return request;
}

UniqueFd control_socket() {
  UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) throw_errno("socket");
  return fd;
}

void bring_up(const UniqueFd& socket, const std::string& interface) {
  ifreq request = request_for(interface);
  if (::ioctl(socket.get(), SIOCGIFFLAGS, &request) != 0) throw_errno(interface);
  request.ifr_flags |= IFF_UP;
  if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) throw_errno(interface + " up");
}

sockaddr_in ipv4(const std::string& text) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (::inet_pton(AF_INET, text.c_str(), &address.sin_addr) != 1) {
    throw std::invalid_argument(text + " is no IPv4 address");
  }
  return address;
}

void set_ipv4(const UniqueFd& socket, const std::string& interface, unsigned long command,
              const std::string& address) {
  ifreq request = request_for(interface);
  // SAFETY: struct ifreq has room for every kind of address that its calls take.
  *reinterpret_cast<sockaddr_in*>(&request.ifr_addr) = ipv4(address);
  if (::ioctl(socket.get(), command, &request) != 0) throw_errno(interface + " " + address);
}

UniqueFd open_tap(const std::string& name) {
  UniqueFd fd(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  ifreq request = request_for(name);
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  if (!fd.valid() || ::ioctl(fd.get(), TUNSETIFF, &request) != 0) throw_errno("tap " + name);
  return fd;
}

}  // namespace

PrivateNetwork::PrivateNetwork()
    : outside_(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {
  if (!outside_.valid()) throw_errno("/proc/thread-self/ns/net");
  if (::unshare(CLONE_NEWNET) != 0) throw_errno("unshare CLONE_NEWNET");
  bring_up(control_socket(), "lo");
  // So that passt, which has no privileges, can carry the echoes of ping.
  std::ofstream("/proc/sys/net/ipv4/ping_group_range") << "0 2147483647";
}

PrivateNetwork::~PrivateNetwork() {
  // In the wrong network every test that follows would be wrong.
  if (::setns(outside_.get(), CLONE_NEWNET) != 0) std::abort();
}

void PrivateNetwork::add_tap(const std::string& name) {
  const UniqueFd fd = open_tap(name);
  if (::ioctl(fd.get(), TUNSETPERSIST, 1) != 0) throw_errno("TUNSETPERSIST " + name);
}

void PrivateNetwork::add_uplink() {
  uplink_ = open_tap("up0");
  set_address("up0", "203.0.113.1");
  rtentry route{};
  // SAFETY: struct rtentry takes every kind of address as a sockaddr, and looks at sa_family first.
  *reinterpret_cast<sockaddr_in*>(&route.rt_dst) = ipv4("0.0.0.0");
  *reinterpret_cast<sockaddr_in*>(&route.rt_genmask) = ipv4("0.0.0.0");
  *reinterpret_cast<sockaddr_in*>(&route.rt_gateway) = ipv4("203.0.113.2");
  route.rt_flags = RTF_UP | RTF_GATEWAY;
  if (::ioctl(control_socket().get(), SIOCADDRT, &route) != 0) throw_errno("SIOCADDRT");
}

void PrivateNetwork::set_address(const std::string& interface, const std::string& address) {
  const UniqueFd socket = control_socket();
  set_ipv4(socket, interface, SIOCSIFADDR, address);
  set_ipv4(socket, interface, SIOCSIFNETMASK, "255.255.255.0");
  bring_up(socket, interface);
}

std::vector<std::string> PrivateNetwork::interfaces() const {
  std::vector<std::string> names;
  struct if_nameindex* all = ::if_nameindex();
  if (all == nullptr) throw_errno("if_nameindex");
  for (const struct if_nameindex* one = all; one->if_index != 0; ++one) {
    names.emplace_back(one->if_name);
  }
  ::if_freenameindex(all);
  return names;
}

uint64_t PrivateNetwork::dropped_on_transmit(const std::string& interface) const {
  std::ifstream table("/proc/thread-self/net/dev");
  for (std::string line; std::getline(table, line);) {
    std::replace(line.begin(), line.end(), ':', ' ');
    std::istringstream words(line);
    std::string name;
    words >> name;
    if (name != interface) continue;
    // Eight figures of what was received; then bytes, packets, errors, drops.
    uint64_t figure = 0;
    for (int column = 0; column < 12; ++column) words >> figure;
    return figure;
  }
  throw std::runtime_error("/proc/net/dev has no " + interface);
}

void use_resolv_conf_or_exit(const std::filesystem::path& file) {
  constexpr int kCannotPrepare = 126;
  const char* debian = std::getenv("REDOUBT_DEBIAN");
  if (::unshare(CLONE_NEWNS) != 0 ||
      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    ::_exit(kCannotPrepare);
  }
  for (const std::string place : {"", debian == nullptr ? "" : debian}) {
    const std::string name = place + "/etc/resolv.conf";
    if (::mount(file.c_str(), name.c_str(), nullptr, MS_BIND, nullptr) != 0 && errno != ENOENT) {
      ::_exit(kCannotPrepare);
    }
  }
}

}  // namespace redoubt::suite
