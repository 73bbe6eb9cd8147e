// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/if_tun.h>
#include <unistd.h>

#include "vmm/doctor/diagnose_devices.h"

namespace redoubt::doctor {

namespace {

bool may_administrate(const HostFacts& host) {
  return (host.capabilities >> CAP_NET_ADMIN & 1) != 0;
}

// "0x1002", "1000" or "-1", as sysfs has them; nothing if the file is not there.
std::optional<int64_t> read_number(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string text;
  if (!(file >> text)) return std::nullopt;
  const bool hex = text.starts_with("0x");
  int64_t number = 0;
  std::from_chars(text.data() + (hex ? 2 : 0), text.data() + text.size(), number, hex ? 16 : 10);
  return number;
}

bool is_member(int64_t group) {
  std::vector<gid_t> groups(static_cast<size_t>(std::max(::getgroups(0, nullptr), 0)));
  groups.resize(static_cast<size_t>(
      std::max(::getgroups(static_cast<int>(groups.size()), groups.data()), 0)));
  groups.push_back(::getegid());
  return std::find(groups.begin(), groups.end(), static_cast<gid_t>(group)) != groups.end();
}

// As the tun driver decides who may attach (tun_not_capable).
bool may_attach(const std::filesystem::path& interface, const HostFacts& host) {
  const int64_t owner = read_number(interface / "owner").value_or(-1);
  const int64_t group = read_number(interface / "group").value_or(-1);
  const bool is_owner = owner == -1 || owner == int64_t{::geteuid()};
  return (is_owner && (group == -1 || is_member(group))) || may_administrate(host);
}

std::string command_for(const NetOptions& network) {
  return fmt::format("sudo ip tuntap add dev {} mode tap user \"$USER\"{}", network.tap,
                     network.queues > 1 ? " multi_queue" : "");
}

// What is wrong with a tap that is there, and the remedy; empty if nothing is.
struct Fault {
  std::string what;
  std::string remedy;
};

Fault fault_of_tap(const NetOptions& network, const std::filesystem::path& interface,
                   const HostFacts& host) {
  const auto flags = read_number(interface / "tun_flags");
  if (!flags || (*flags & IFF_TAP) == 0) {
    return {"is an interface, but no tap", "give " + network.name + " the name of a tap"};
  }
  const std::string again = fmt::format("have it made again: sudo ip link delete {}; {}",
                                        network.tap, command_for(network));
  if (network.queues > 1 && (*flags & IFF_MULTI_QUEUE) == 0) {
    return {fmt::format("has one pair of queues, not {}", network.queues), again};
  }
  if (!may_attach(interface, host)) return {"belongs to another user", again};
  return {};
}

Finding judge_tap(const std::string& id, const NetOptions& network, const HostFacts& host) {
  const std::string title = "network " + id;
  if (network.fd) {
    return {
        id, Verdict::Note, title,
        fmt::format("descriptor {}, which only the process that starts the guest has", *network.fd),
        ""};
  }
  if (host.tun_error != 0) {
    return {id, Verdict::Bad, title, fmt::format("/dev/net/tun: {}", std::strerror(host.tun_error)),
            "modprobe tun, and let this user open /dev/net/tun"};
  }
  const std::filesystem::path interface = host.root / "sys/class/net" / network.tap;
  std::string evidence = fmt::format("tap {} is there", network.tap);
  if (std::filesystem::exists(interface)) {
    const Fault fault = fault_of_tap(network, interface, host);
    if (!fault.what.empty()) {
      return {id, Verdict::Bad, title, network.tap + " " + fault.what, fault.remedy};
    }
  } else if (may_administrate(host)) {
    evidence = fmt::format("tap {} is not there, and can be made", network.tap);
  } else {
    return {id, Verdict::Bad, title,
            fmt::format("tap {} is not there, and making it takes CAP_NET_ADMIN", network.tap),
            "have it made for this user: " + command_for(network)};
  }
  if (network.vhost == VhostUse::On && host.vhost_net_error != 0) {
    return {id, Verdict::Bad, title,
            fmt::format("/dev/vhost-net: {}", std::strerror(host.vhost_net_error)),
            "modprobe vhost_net and let this user open /dev/vhost-net, or set vhost: auto"};
  }
  const bool fast = network.vhost != VhostUse::Off && host.vhost_net_error == 0;
  return {id, Verdict::Good, title, evidence + (fast ? ", with vhost-net" : ", without vhost-net"),
          ""};
}

Finding judge(const std::string& id, const NetOptions& network, const HostFacts& host) {
  if (network.kind == NetKind::Tap) return judge_tap(id, network, host);
  const std::string title = "network " + id;
  if (host.passt) return {id, Verdict::Good, title, host.passt->string(), ""};
  return {id, Verdict::Bad, title, "there is no passt in $PATH",
          "install the package passt, or use a network of type tap"};
}

}  // namespace

Findings diagnose_networks(const VmConfig& config, const HostFacts& host) {
  Findings findings;
  for (size_t i = 0; i < config.networks.size(); ++i) {
    findings.push_back(judge(fmt::format("networks[{}]", i), config.networks[i], host));
  }
  return findings;
}

}  // namespace redoubt::doctor
