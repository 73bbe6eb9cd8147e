// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/net/tap.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include "devices/virtio/net/net_features.h"
#include "devices/virtio/net/open_tap.h"
#include "vmm/base/log.h"
#include "vmm/base/setup_error.h"

namespace redoubt {

namespace {

// Repeats a call that a signal interrupted.
template <class Call>
ssize_t complete(Call call) {
  ssize_t moved = 0;
  do {
    moved = call();
  } while (moved < 0 && errno == EINTR);
  return moved;
}

// TUN_F_* of what the driver can receive. Segmentation without checksums is nothing a driver may
// accept (5.1.3.1), and ECN alone says nothing.
unsigned offload_flags(uint64_t negotiated) {
  if ((negotiated & virtio::kNetGuestCsum) == 0) return 0;
  unsigned flags = TUN_F_CSUM;
  if ((negotiated & virtio::kNetGuestTso4) != 0) flags |= TUN_F_TSO4;
  if ((negotiated & virtio::kNetGuestTso6) != 0) flags |= TUN_F_TSO6;
  const bool segments = flags != TUN_F_CSUM;
  if (segments && (negotiated & virtio::kNetGuestEcn) != 0) flags |= TUN_F_TSO_ECN;
  return flags;
}

}  // namespace

Tap::Tap(const NetOptions& options) : name_(options.name) {
  OpenTap tap = options.fd ? take_over_tap(options) : open_tap(options);
  interface_ = std::move(tap.interface);
  for (UniqueFd& fd : tap.queues) {
    queues_.push_back({std::move(fd), std::vector<std::byte>(kMaxFrame)});
  }
  attached_ = pairs();
  // The first pair is the one that a driver starts with.
  if (!set_pairs(1)) {
    throw SetupError(fmt::format("net {}: cannot choose the queues of tap {}", name_, interface_));
  }
}

Tap::~Tap() = default;

uint64_t Tap::features() const { return virtio::kNetOffloads; }

void Tap::set_offloads(uint64_t negotiated) {
  const unsigned flags = offload_flags(negotiated);
  if (::ioctl(queues_.front().fd.get(), TUNSETOFFLOAD, flags) == 0) return;
  // Its frames are then whole and their checksums right, which every driver can receive.
  log::warn("net {}: tap {} does not leave work to the guest: {}", name_, interface_,
            std::generic_category().message(errno));
}

bool Tap::set_pairs(uint16_t count) {
  const uint16_t before = attached_;
  if (move_pairs(count)) return true;
  static_cast<void>(move_pairs(before));  // gives back what it got of them
  return false;
}

bool Tap::move_pairs(uint16_t count) {
  while (attached_ != count) {
    const bool attach = attached_ < count;
    const Queue& queue = queues_.at(attach ? attached_ : attached_ - 1U);
    ifreq request{};
    request.ifr_flags = attach ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE;
    if (::ioctl(queue.fd.get(), TUNSETQUEUE, &request) != 0) return false;
    attached_ = static_cast<uint16_t>(attach ? attached_ + 1 : attached_ - 1);
  }
  return true;
}

Result<std::optional<NetBackend::Frame>, NetBackend::Gone> Tap::receive(uint16_t pair) {
  Queue& queue = queues_.at(pair);
  Frame frame{};
  const std::array<iovec, 2> parts{
      iovec{&frame.header, sizeof(frame.header)},
      iovec{queue.buffer.data(), queue.buffer.size()},
  };
  const ssize_t size = complete([&] { return ::readv(queue.fd.get(), parts.data(), 2); });
  if (size < 0) {
    if (errno == EAGAIN) return std::nullopt;
    return Unexpected(gone());
  }
  const size_t length = std::max(static_cast<size_t>(size), sizeof(NetHeader)) - sizeof(NetHeader);
  frame.data = std::span(queue.buffer).first(length);
  return frame;
}

Result<NetBackend::Sent, NetBackend::Gone> Tap::send(uint16_t pair, const NetHeader& header,
                                                     std::span<const std::byte> frame) {
  NetHeader own_header = header;
  // writev() takes the address of data it does not change without const.
  const std::array<iovec, 2> parts{
      iovec{&own_header, sizeof(own_header)},
      iovec{const_cast<std::byte*>(frame.data()), frame.size()},
  };
  const BorrowedFd fd = queues_.at(pair).fd;
  if (complete([&] { return ::writev(fd.get(), parts.data(), 2); }) >= 0) return Sent::Taken;
  if (errno == EAGAIN) return Sent::NotNow;
  if (errno == EBADFD) return Unexpected(gone());
  // An interface that is down, a frame that the kernel finds fault with, memory that is short.
  return Sent::Refused;
}

NetBackend::Gone Tap::gone() const {
  return {fmt::format("tap {} is gone: {}", interface_, std::generic_category().message(errno))};
}

}  // namespace redoubt
