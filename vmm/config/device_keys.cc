// SPDX-License-Identifier: Apache-2.0
//
// The virtio devices: what a guest has if its configuration says so.
#include <array>

#include "vmm/config/console_keys.h"
#include "vmm/config/key_access.h"
#include "vmm/config/key_tables.h"

namespace redoubt::config {

namespace {

constexpr size_t kMostPorts = 31;

using Names = std::array<std::string_view, 1>;

constexpr std::array kNetKinds = {
    Choice("tap", NetKind::Tap, "a tap interface of the host"),
    Choice("passt", NetKind::Passt,
           "a passt process, started and ended with the guest: no privileges needed, the host's "
           "own connectivity"),
};
constexpr Names kTap = {"tap"};
constexpr Names kPasst = {"passt"};

constexpr std::array kVhostUses = {
    Choice("auto", VhostUse::Auto, "where the host has it"),
    Choice("on", VhostUse::On, "or the guest does not start"),
    Choice("off", VhostUse::Off, "redoubt moves the packets itself"),
};

constexpr std::array kVsockKinds = {
    Choice("vhost", VsockKind::Vhost,
           "the host kernel's own: programs of host and guest meet in AF_VSOCK"),
    Choice("unix", VsockKind::Unix,
           "unix sockets: at path, a client says CONNECT PORT; port N of the host is the socket "
           "path_N"),
};
constexpr Names kVhost = {"vhost"};
constexpr Names kUnix = {"unix"};

std::vector<ConfigKey> disk_keys() {
  return {
      bound<&VmConfig::disks, &BlockOptions::path>({
          .name = "path",
          .type = KeyType::Path,
          .title = "Image or block device",
          .description = "A raw image, whose size is a multiple of 512 bytes, or a block device. "
                         "No format is ever guessed. A relative path starts from the folder of "
                         "this file.",
          .example = "disk.img",
          .required = true,
      }),
      bound<&VmConfig::disks, &BlockOptions::readonly>({
          .name = "readonly",
          .type = KeyType::Boolean,
          .title = "Read only",
          .description = "Whether the guest can only read the disk. An image may be shared by "
                         "disks that are all read only, and by no others.",
          .example = "true",
      }),
      bound<&VmConfig::disks, &BlockOptions::direct>({
          .name = "direct",
          .type = KeyType::Boolean,
          .title = "Past the page cache",
          .description = "Whether the host reads and writes the image past its page cache "
                         "(O_DIRECT).",
          .example = "false",
      }),
      bound<&VmConfig::disks, &BlockOptions::discard>({
          .name = "discard",
          .type = KeyType::Boolean,
          .title = "Give back discarded blocks",
          .description = "Whether what the guest discards (fstrim) becomes a hole in the image.",
          .example = "true",
      }),
      bound<&VmConfig::disks, &BlockOptions::serial>({
          .name = "serial",
          .type = KeyType::Text,
          .title = "Serial number",
          .description = "Up to 20 characters of printable ASCII; the guest finds the disk at "
                         "/dev/disk/by-id/virtio-SERIAL.",
          .example = "root",
          .alphabet = Alphabet::Printable,
          .minimum = 1,
          .maximum = 20,
          .default_note = "made from the path",
      }),
      bound<&VmConfig::disks, &BlockOptions::queues>({
          .name = "queues",
          .type = KeyType::Integer,
          .title = "Request queues",
          .description = "How many queues the guest's CPUs can submit requests to.",
          .example = "1",
          .minimum = 1,
          .maximum = 64,
      }),
  };
}

std::vector<ConfigKey> network_keys() {
  return {
      bound<&VmConfig::networks, &NetOptions::name>({
          .name = "name",
          .type = KeyType::Text,
          .title = "Name of the network",
          .description = "Names the device in messages and, with the guest's name, makes its MAC "
                         "address.",
          .example = "lan",
          .alphabet = Alphabet::Name,
          .minimum = 1,
          .maximum = 64,
          .default_note = "net0 for the first network, net1 for the second, …",
      }),
      bound<&VmConfig::networks, &NetOptions::kind>({
          .name = "type",
          .type = KeyType::Choice,
          .title = "Kind of network",
          .description = "What the guest's network is connected to.",
          .example = "passt",
          .choices = kNetKinds,
      }),
      bound<&VmConfig::networks, &NetOptions::tap>({
          .name = "tap",
          .type = KeyType::Text,
          .title = "Name of the tap interface",
          .description = "The host's interface; one that is not there is made, and removed when "
                         "the guest ends. Type tap needs this or fd.",
          .example = "tap0",
          .alphabet = Alphabet::Name,
          .minimum = 1,
          .maximum = 15,
          .needed_by = kTap,
          .refused_by = kPasst,
          .alternative = "fd",
          .default_note = "none",
      }),
      bound<&VmConfig::networks, &NetOptions::fd>({
          .name = "fd",
          .type = KeyType::Integer,
          .title = "Open tap",
          .description = "A tap that the process which starts redoubt has opened, as the number "
                         "of its descriptor. It has one pair of queues.",
          .example = "3",
          .minimum = 3,
          .maximum = 1048575,
          .refused_by = kPasst,
          .default_note = "none",
      }),
      bound<&VmConfig::networks, &NetOptions::mac>({
          .name = "mac",
          .type = KeyType::Mac,
          .title = "MAC address",
          .description = "The address of one station (not a multicast address).",
          .example = "52:54:00:12:34:56",
          .default_note = "made from the names of guest and network, the same at each start",
      }),
      bound<&VmConfig::networks, &NetOptions::queues>({
          .name = "queues",
          .type = KeyType::Integer,
          .title = "Pairs of queues",
          .description = "How many pairs of queues the guest's CPUs can send and receive with. "
                         "More than one need type tap and an interface by name.",
          .example = "1",
          .minimum = 1,
          .maximum = 8,
      }),
      bound<&VmConfig::networks, &NetOptions::vhost>({
          .name = "vhost",
          .type = KeyType::Choice,
          .title = "Use of vhost-net",
          .description = "Whether the host's kernel moves the packets of a tap (/dev/vhost-net).",
          .example = "auto",
          .choices = kVhostUses,
      }),
  };
}

std::vector<ConfigKey> port_keys() {
  return {
      bound<&VmConfig::ports, &PortOptions::name>({
          .name = "name",
          .type = KeyType::Text,
          .title = "Name of the port",
          .description = "Names the port in messages. The guest finds the port under this name, as "
                         "/dev/virtio-ports/NAME, if it is no tty.",
          .example = "agent",
          .required = true,
          .alphabet = Alphabet::Name,
          .minimum = 1,
          .maximum = 64,
      }),
      bound<&VmConfig::ports, &PortOptions::tty>({
          .name = "tty",
          .type = KeyType::Boolean,
          .title = "Terminal",
          .description = "Whether the guest sees a terminal: hvc0 for the first such port, hvc1 "
                         "for the second. Otherwise the port is a stream of bytes.",
          .example = "true",
      }),
      bound<&VmConfig::ports, &PortOptions::backend, &ConsoleOptions::kind>({
          .name = "type",
          .type = KeyType::Choice,
          .title = "Kind of port",
          .description = "What the port is connected to.",
          .example = "pty",
          .required = true,
          .choices = kConsoleKinds,
      }),
      bound<&VmConfig::ports, &PortOptions::backend, &ConsoleOptions::path>(
          console_path("agent.sock")),
  };
}

std::vector<ConfigKey> vsock_keys() {
  return {
      bound<&VmConfig::vsock, &VsockOptions::kind>({
          .name = "type",
          .type = KeyType::Choice,
          .title = "Kind of vsock",
          .description = "What the guest's vsock is connected to.",
          .example = "vhost",
          .choices = kVsockKinds,
      }),
      bound<&VmConfig::vsock, &VsockOptions::cid>({
          .name = "cid",
          .type = KeyType::Integer,
          .title = "Context id",
          .description = "The guest's address. With vhost, no other guest of the host may have it.",
          .example = "3",
          .minimum = 3,
          .maximum = 0xffff'fffe,
      }),
      bound<&VmConfig::vsock, &VsockOptions::path>({
          .name = "path",
          .type = KeyType::Path,
          .title = "Socket of the host",
          .description = "The unix socket of type unix, which needs it. A relative path starts "
                         "from the folder of this file.",
          .example = "vsock.sock",
          .needed_by = kUnix,
          .refused_by = kVhost,
          .default_note = "none",
      }),
  };
}

std::vector<ConfigKey> share_keys() {
  return {
      bound<&VmConfig::shares, &ShareOptions::tag>({
          .name = "tag",
          .type = KeyType::Text,
          .title = "Name of the share",
          .description = "In the guest: mount -t virtiofs TAG /mnt. At most 36 bytes.",
          .example = "src",
          .required = true,
          .alphabet = Alphabet::Name,
          .minimum = 1,
          .maximum = 36,
      }),
      bound<&VmConfig::shares, &ShareOptions::path>({
          .name = "path",
          .type = KeyType::Path,
          .title = "Shared folder",
          .description = "The host's folder; virtiofsd serves it. A relative path starts from the "
                         "folder of this file.",
          .example = "shared",
          .required = true,
      }),
      bound<&VmConfig::shares, &ShareOptions::readonly>({
          .name = "readonly",
          .type = KeyType::Boolean,
          .title = "Read only",
          .description = "Whether the guest can only read the folder.",
          .example = "true",
      }),
  };
}

}  // namespace

std::vector<ConfigSection> device_sections() {
  return {
      list_section<&VmConfig::disks>({
          .name = "disks",
          .shape = Shape::List,
          .title = "Disks",
          .description = "Virtio block devices: /dev/vda, /dev/vdb, … in Linux.",
          .keys = disk_keys(),
          .most = kMostVirtioDevices,
      }),
      list_section<&VmConfig::networks>({
          .name = "networks",
          .shape = Shape::List,
          .title = "Networks",
          .description = "Virtio network devices.",
          .keys = network_keys(),
          .most = kMostVirtioDevices,
      }),
      list_section<&VmConfig::ports>({
          .name = "ports",
          .shape = Shape::List,
          .title = "Console ports",
          .description = "Ports of the virtio console: terminals (hvc0, hvc1, … in Linux) and "
                         "streams (/dev/virtio-ports/NAME). All of them are one device.",
          .keys = port_keys(),
          .most = kMostPorts,
      }),
      optional_section<&VmConfig::vsock>({
          .name = "vsock",
          .shape = Shape::OptionalMap,
          .title = "Sockets between host and guest",
          .description = "A virtio socket device (AF_VSOCK in the guest). The guest has one if "
                         "this is there, even if it is empty: {}.",
          .keys = vsock_keys(),
      }),
      list_section<&VmConfig::shares>({
          .name = "shares",
          .shape = Shape::List,
          .title = "Shared folders",
          .description = "Folders of the host that the guest can mount (virtiofs).",
          .keys = share_keys(),
          .most = kMostVirtioDevices,
      }),
  };
}

}  // namespace redoubt::config
