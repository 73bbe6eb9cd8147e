// SPDX-License-Identifier: Apache-2.0
#include "devices/vhost/vhost_net.h"

#include <cerrno>
#include <exception>
#include <fstream>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "devices/virtio/net/control_queue.h"
#include "devices/virtio/net/net_features.h"
#include "vmm/base/log.h"
#include "vmm/base/setup_error.h"

namespace redoubt {

namespace {

constexpr const char* kPath = "/dev/vhost-net";
// As Net has them.
constexpr uint16_t kQueueSize = 256;
constexpr uint16_t kControlQueueSize = 64;

// Rings of a vhost-net.
constexpr unsigned kReceive = 0;
constexpr unsigned kTransmit = 1;

uint16_t first_queue(uint16_t pair) { return static_cast<uint16_t>(2 * pair); }

// With this parameter of its module, vhost-net lends the guest's pages to the network card instead
// of copying them. Of a protected guest that would take them away.
bool lends_pages() {
  std::ifstream parameter("/sys/module/vhost_net/parameters/experimental_zcopytx");
  int value = 0;
  return parameter >> value && value != 0;
}

}  // namespace

std::optional<std::string> why_no_vhost_net() {
  if (::access(kPath, R_OK | W_OK) != 0) {
    return std::string(kPath) + ": " + std::generic_category().message(errno);
  }
  if (lends_pages()) return "the host's vhost_net was loaded with experimental_zcopytx";
  return std::nullopt;
}

VhostNet::VhostNet(std::string_view guest, const NetOptions& options, std::unique_ptr<Tap> tap,
                   EventLoop& loop)
    : name_("net " + options.name),
      config_(net_config_space(mac_for(guest, options), tap->pairs())),
      queue_sizes_(2 * size_t{tap->pairs()}, kQueueSize),
      tap_(std::move(tap)),
      running_(tap_->pairs(), false),
      faults_(loop, [this](std::string_view why) { transport().fail(why); }) {
  if (tap_->pairs() > 1) queue_sizes_.push_back(kControlQueueSize);
  const std::string remedy =
      "load the kernel module vhost_net and give this user access to /dev/vhost-net, or leave "
      "`vhost` at auto";
  if (const auto reason = why_no_vhost_net()) {
    throw SetupError(name_ + ": vhost-net cannot be used: " + *reason, ExitStatus::SetupFailed,
                     remedy);
  }
  try {
    for (uint16_t i = 0; i < tap_->pairs(); ++i) vhosts_.emplace_back(kPath);
  } catch (const std::exception&) {
    std::throw_with_nested(
        SetupError(name_ + ": vhost-net cannot be used", ExitStatus::SetupFailed, remedy));
  }
}

uint64_t VhostNet::features() const {
  const uint64_t several = vhosts_.size() > 1 ? virtio::kNetCtrlVq | virtio::kNetMq : 0;
  return virtio::kNetMac | virtio::kNetStatus | tap_->features() | several |
         (vhosts_[0].device_features() & virtio::kNetMrgRxbuf);
}

QueueService VhostNet::queue_service(uint16_t queue) const {
  return queue < 2 * vhosts_.size() ? QueueService::Backend : QueueService::Device;
}

Result<void, QueueError> VhostNet::start() {
  faults_.begin();
  tap_->set_offloads(transport().negotiated());
  if (const auto started = start_pair(0); !started) faults_.report(describe(started.error()));
  return {};
}

Result<void, QueueError> VhostNet::on_notify(uint16_t queue) {
  // A driver that knows of one pair only would have its control queue at 2 (5.1.2), and nothing to
  // control with it: the number of pairs is all there is.
  const auto max_pairs = static_cast<uint16_t>(vhosts_.size());
  Virtqueue* control = transport().queue(queue);
  if (control == nullptr) return {};
  return serve_control_queue(
      *control, max_pairs,
      [this](uint16_t count) -> Result<bool, QueueError> { return set_pairs(count); });
}

bool VhostNet::set_pairs(uint16_t count) {
  for (uint16_t i = count; i < vhosts_.size(); ++i) stop_pair(i);
  if (!tap_->set_pairs(count)) return false;
  for (uint16_t i = 0; i < count; ++i) {
    if (const auto started = start_pair(i); !started) {
      static log::RateLimit limit;
      log::guest(limit, "{}: pair {}: {}", name_, i, describe(started.error()));
      return false;
    }
  }
  return true;
}

Result<void, VhostError> VhostNet::start_pair(uint16_t pair) {
  if (running_[pair]) return {};
  const uint16_t first = first_queue(pair);
  // A driver may leave a pair out, or half of it.
  for (const unsigned ring : {kReceive, kTransmit}) {
    if (transport().queue(static_cast<uint16_t>(first + ring)) == nullptr) return {};
  }
  running_[pair] = true;
  const auto handed_over = hand_over(pair);
  if (!handed_over) stop_pair(pair);
  return handed_over;
}

Result<void, VhostError> VhostNet::hand_over(uint16_t pair) {
  VhostDevice& vhost = vhosts_[pair];
  TRY(vhost.begin(transport().negotiated(), transport().memory()));
  for (const unsigned ring : {kReceive, kTransmit}) {
    const auto queue = static_cast<uint16_t>(first_queue(pair) + ring);
    TRY(vhost.set_ring(ring, transport().queue(queue)->layout(), transport().memory(),
                       transport().interrupt().fd(), faults_.broken_ring()));
  }
  for (const unsigned ring : {kReceive, kTransmit}) {
    const vhost_vring_file backend{.index = ring, .fd = tap_->fd(pair).get()};
    const auto queue = static_cast<uint16_t>(first_queue(pair) + ring);
    TRY(vhost.request(VHOST_NET_SET_BACKEND, "VHOST_NET_SET_BACKEND", backend));
    TRY(vhost.bind_kick(ring, transport().kick(queue).fd()));
  }
  return {};
}

void VhostNet::stop_pair(uint16_t pair) {
  if (!running_[pair]) return;
  running_[pair] = false;
  for (const unsigned ring : {kReceive, kTransmit}) {
    vhosts_[pair].unbind_kick(ring);
    // Returns when the worker has finished what it was doing. A ring that was never handed over is
    // not there to be taken back.
    const vhost_vring_file nothing{.index = ring, .fd = VHOST_FILE_UNBIND};
    static_cast<void>(
        vhosts_[pair].request(VHOST_NET_SET_BACKEND, "VHOST_NET_SET_BACKEND", nothing));
  }
}

void VhostNet::stop() {
  for (uint16_t i = 0; i < vhosts_.size(); ++i) stop_pair(i);
  // A driver starts with one pair (5.1.6.5.5).
  if (!tap_->set_pairs(1)) {
    static log::RateLimit limit;
    log::guest(limit, "{}: the host still uses all queues", name_);
  }
  faults_.forget();
}

void VhostNet::stop_queue(uint16_t queue) {
  if (queue_service(queue) == QueueService::Backend) stop_pair(static_cast<uint16_t>(queue / 2));
}

}  // namespace redoubt
