// SPDX-License-Identifier: Apache-2.0
#include "devices/vhost/vhost_vsock.h"

#include <cerrno>
#include <exception>
#include <string>

#include "vmm/base/setup_error.h"

namespace redoubt {

namespace {

VhostDevice open_vhost() {
  try {
    return VhostDevice("/dev/vhost-vsock");
  } catch (const std::exception&) {
    std::throw_with_nested(SetupError(
        "cannot use the host's vhost-vsock", ExitStatus::SetupFailed,
        "load the kernel module vhost_vsock and give this user access to /dev/vhost-vsock, or use "
        "`type: unix`, which needs neither"));
  }
}

[[noreturn]] void refuse_cid(uint32_t cid, const VhostError& error) {
  const std::string what = "vsock: context id " + std::to_string(cid);
  if (error.error == EADDRINUSE) {
    throw SetupError(what + " is in use by another guest", ExitStatus::SetupFailed,
                     "choose another number with `cid`");
  }
  throw SetupError(what + " is refused: " + describe(error), ExitStatus::SetupFailed,
                   "choose a number from 3 to 4294967294 with `cid`");
}

}  // namespace

VhostVsock::VhostVsock(const VsockOptions& options, EventLoop& loop)
    : vhost_(open_vhost()), faults_(loop, [this](std::string_view why) { transport().fail(why); }) {
  const uint64_t cid = options.cid;
  for (size_t i = 0; i < config_.size(); ++i) config_[i] = std::byte(cid >> (8 * i));
  const auto taken = vhost_.request(VHOST_VSOCK_SET_GUEST_CID, "VHOST_VSOCK_SET_GUEST_CID", cid);
  if (!taken) refuse_cid(options.cid, taken.error());
}

QueueService VhostVsock::queue_service(uint16_t queue) const {
  return queue < kServedQueues ? QueueService::Backend : QueueService::Device;
}

Result<void, QueueError> VhostVsock::start() {
  faults_.begin();
  if (const auto begun = run_backend(); !begun) faults_.report(describe(begun.error()));
  return {};
}

Result<void, VhostError> VhostVsock::run_backend() {
  TRY(vhost_.begin(transport().negotiated(), transport().memory()));
  for (uint16_t i = 0; i < kServedQueues; ++i) {
    // A driver may leave a queue out; vhost does not start with part of them.
    const Virtqueue* queue = transport().queue(i);
    if (queue == nullptr) return {};
    TRY(vhost_.set_ring(i, queue->layout(), transport().memory(), transport().interrupt().fd(),
                        faults_.broken_ring()));
  }
  TRY(set_running(true));
  running_ = true;
  for (uint16_t i = 0; i < kServedQueues; ++i) {
    TRY(vhost_.bind_kick(i, transport().kick(i).fd()));
  }
  return {};
}

Result<void, VhostError> VhostVsock::set_running(bool running) {
  const int argument = running ? 1 : 0;
  return vhost_.request(VHOST_VSOCK_SET_RUNNING, "VHOST_VSOCK_SET_RUNNING", argument);
}

void VhostVsock::stop() {
  if (running_) {
    for (unsigned i = 0; i < kServedQueues; ++i) vhost_.unbind_kick(i);
    // Refused to a process that is not the owner alone. Once it returns, the worker has left the
    // rings: it looks for its backend under the lock that this takes.
    static_cast<void>(set_running(false));
    running_ = false;
  }
  faults_.forget();
}

}  // namespace redoubt
