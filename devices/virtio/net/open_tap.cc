// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/net/open_tap.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "devices/virtio/net/net_header.h"
#include "vmm/base/log.h"
#include "vmm/base/setup_error.h"

namespace redoubt {

namespace {

constexpr int kFlags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;

[[noreturn]] void refuse(const NetOptions& options, const std::string& what, std::string remedy) {
  throw SetupError(fmt::format("net {}: {}", options.name, what), ExitStatus::SetupFailed,
                   std::move(remedy));
}

std::string errno_text(int error) { return std::generic_category().message(error); }

// The command that gives an ordinary user a tap.
std::string command_for(const NetOptions& options) {
  return fmt::format("sudo ip tuntap add dev {} mode tap user \"$USER\"{}", options.tap,
                     options.queues > 1 ? " multi_queue" : "");
}

UniqueFd open_device(const NetOptions& options) {
  UniqueFd fd(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (fd.valid()) return fd;
  const int error = errno;
  refuse(options, "cannot open /dev/net/tun: " + errno_text(error),
         error == EACCES || error == EPERM
             ? "let this user open it: sudo chmod 666 /dev/net/tun"
             : "the host's kernel needs the module tun: sudo modprobe tun");
}

// TUNSETIFF; errno, or 0. Several queues of one interface are opened one after the other.
int attach(BorrowedFd fd, const std::string& interface, int flags) {
  ifreq request{};
  std::copy(interface.begin(), interface.end(), std::begin(request.ifr_name));
  request.ifr_flags = static_cast<short>(flags);
  return ::ioctl(fd.get(), TUNSETIFF, &request) == 0 ? 0 : errno;
}

// `exists`: whether the interface was there before.
[[noreturn]] void refuse_attach(const NetOptions& options, bool exists, int error) {
  const std::string what =
      fmt::format("cannot {} tap {}: {}", exists ? "open" : "make", options.tap, errno_text(error));
  switch (error) {
    case EPERM:
      if (!exists) refuse(options, what, "have it made for this user: " + command_for(options));
      refuse(options, what,
             fmt::format("it belongs to another user: have it made again for this one, with "
                         "sudo ip link delete {} and {}",
                         options.tap, command_for(options)));
    case EBUSY: refuse(options, what, "end the program that has it open, or name another tap");
    case EINVAL:
      if (!exists) break;
      refuse(options, what,
             fmt::format("it is no tap, or one with another number of queues: name another, or "
                         "have it made again with sudo ip link delete {} and {}",
                         options.tap, command_for(options)));
    default: break;
  }
  refuse(options, what, {});
}

// A new interface is down, and nobody else knew of it early enough to change that.
void bring_up(const NetOptions& options) {
  const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::copy(options.tap.begin(), options.tap.end(), std::begin(request.ifr_name));
  if (socket.valid() && ::ioctl(socket.get(), SIOCGIFFLAGS, &request) == 0) {
    request.ifr_flags |= IFF_UP;
    if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0) return;
  }
  refuse(options, fmt::format("cannot set tap {} up: {}", options.tap, errno_text(errno)), {});
}

// TUNGETIFF. The kernel shows IFF_NO_PI as set while no filter is attached, because that has the
// same bit: with a filter it tells the truth. This one lets everything pass.
std::optional<ifreq> describe_tap(int number) {
  ifreq request{};
  if (::ioctl(number, TUNGETIFF, &request) != 0) return std::nullopt;
  sock_filter pass_all{BPF_RET | BPF_K, 0, 0, 0xffffffff};
  const sock_fprog filter{1, &pass_all};
  const bool no_filter = (request.ifr_flags & IFF_NOFILTER) != 0;
  if (no_filter && ::ioctl(number, TUNATTACHFILTER, &filter) == 0) {
    static_cast<void>(::ioctl(number, TUNGETIFF, &request));
    ::ioctl(number, TUNDETACHFILTER, nullptr);
  }
  return request;
}

void use_our_header(const NetOptions& options, BorrowedFd fd) {
  const int size = sizeof(NetHeader);
  if (::ioctl(fd.get(), TUNSETVNETHDRSZ, &size) == 0) return;
  refuse(options, "the tap does not take headers of 12 bytes: " + errno_text(errno), {});
}

}  // namespace

OpenTap open_tap(const NetOptions& options) {
  if (options.tap.empty() || options.tap.size() >= IFNAMSIZ ||
      options.tap.find('%') != std::string::npos) {
    refuse(options, fmt::format("'{}' cannot be the name of a tap", options.tap),
           fmt::format("choose one of 1 to {} characters without %", IFNAMSIZ - 1));
  }
  const bool exists = ::if_nametoindex(options.tap.c_str()) != 0;
  OpenTap tap{options.tap, {}};
  int flags = options.queues > 1 ? kFlags | IFF_MULTI_QUEUE : kFlags;
  for (uint16_t i = 0; i < options.queues; ++i) {
    UniqueFd fd = open_device(options);
    int error = attach(fd, options.tap, flags);
    if (error == EINVAL && exists && options.queues == 1) {
      // One that was made for several queues can be used with one, if it is asked for this way.
      error = attach(fd, options.tap, kFlags | IFF_MULTI_QUEUE);
    }
    if (error != 0) refuse_attach(options, exists, error);
    tap.queues.push_back(std::move(fd));
  }
  use_our_header(options, tap.queues.front());
  if (!exists) {
    bring_up(options);
    log::info("net {}: made tap {} for as long as the guest runs", options.name, options.tap);
  }
  return tap;
}

OpenTap take_over_tap(const NetOptions& options) {
  const int number = *options.fd;
  const std::optional<ifreq> found = describe_tap(number);
  if (!found) {
    refuse(options, fmt::format("descriptor {} is no open tap: {}", number, errno_text(errno)),
           "start redoubt with a tap open at that number, or name a tap");
  }
  if ((found->ifr_flags & kFlags) != kFlags) {
    refuse(options,
           fmt::format("descriptor {} is an interface of the wrong kind, {:#x}", number,
                       static_cast<unsigned short>(found->ifr_flags)),
           "open it with IFF_TAP, IFF_NO_PI and IFF_VNET_HDR");
  }
  UniqueFd fd(::fcntl(number, F_DUPFD_CLOEXEC, 0));
  const int status = fd.valid() ? ::fcntl(fd.get(), F_GETFL) : -1;
  if (status < 0 || ::fcntl(fd.get(), F_SETFL, status | O_NONBLOCK) != 0) {
    refuse(options, fmt::format("cannot take over descriptor {}: {}", number, errno_text(errno)),
           {});
  }
  use_our_header(options, fd);
  OpenTap tap{found->ifr_name, {}};
  tap.queues.push_back(std::move(fd));
  return tap;
}

}  // namespace redoubt
