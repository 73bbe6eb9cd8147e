// SPDX-License-Identifier: Apache-2.0
//
// PrivateNetwork: for as long as it is there, the calling thread and what it starts have a network
// of their own, with nothing in it but `lo`. The taps, addresses and servers of a test meet nobody
// else's there, and a tap that somebody left behind is seen.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "vmm/base/unique_fd.h"

namespace redoubt::suite {

class PrivateNetwork {
 public:
  PrivateNetwork();  // root only; throws std::system_error
  ~PrivateNetwork();
  PrivateNetwork(const PrivateNetwork&) = delete;
  PrivateNetwork& operator=(const PrivateNetwork&) = delete;

  // Adds a tap that stays until the network goes; throws std::system_error.
  void add_tap(const std::string& name);
  // Adds the interface `up0` with the address 203.0.113.1, and by it the way to everywhere else: to
  // programs a host like any other, though nothing ever answers there. Throws std::system_error.
  void add_uplink();
  // Gives an interface an IPv4 address with a mask of 24 bits; throws std::system_error.
  void set_address(const std::string& interface, const std::string& address);
  // The names of its interfaces, `lo` included.
  [[nodiscard]] std::vector<std::string> interfaces() const;
  // A figure of /proc/net/dev: packets dropped on the way out of an interface.
  [[nodiscard]] uint64_t dropped_on_transmit(const std::string& interface) const;

 private:
  UniqueFd outside_;
  UniqueFd uplink_;  // a tap that nobody has open has no carrier
};

// For Launch::prepare: lets the process and its children find `file` in the place of
// /etc/resolv.conf, on the host and in the Debian system; nobody else does. _exit()s if it cannot.
void use_resolv_conf_or_exit(const std::filesystem::path& file);

}  // namespace redoubt::suite
