// SPDX-License-Identifier: Apache-2.0
//
// VhostDevice: one open device of the kernel's vhost, whose worker thread serves the rings of a
// virtio device. The requests are those of <linux/vhost.h>; what is particular to a type of device
// (its backend) is with the device.
//
// The worker uses guest memory through this process's mapping, with the kernel's user accesses: a
// ring or buffer that the guest has taken back makes it signal the error event and leave the ring
// alone. ACCESS_PLATFORM is never passed on: to vhost it would mean that we translate addresses on
// request, while to a guest it means that it shares what it names.
//
// Threads: as the device that owns it; no request waits for the guest.
#pragma once

#include <cerrno>
#include <cstdint>
#include <string>

#include <sys/ioctl.h>

#include "devices/vhost/uapi.h"
#include "devices/virtio/dma_memory.h"
#include "devices/virtio/queue_error.h"
#include "devices/virtio/virtqueue.h"
#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"

namespace redoubt {

// A request that the kernel refused.
struct VhostError {
  const char* request;
  int error;  // errno
};
// "VHOST_SET_OWNER: Operation not permitted"
[[nodiscard]] std::string describe(const VhostError& error);

class VhostDevice {
 public:
  // Opens it, and makes this process its owner. Throws std::system_error.
  explicit VhostDevice(const char* path);
  VhostDevice(VhostDevice&&) noexcept = default;

  // Features of the type of device, and of its queues, that the kernel has. See virtio/features.h.
  [[nodiscard]] uint64_t device_features() const;
  [[nodiscard]] uint64_t queue_features() const;

  // --- In this order, while the backend is detached

  // The driver's features, of which those that are the kernel's business are passed on, and the
  // memory that devices may use.
  [[nodiscard]] Result<void, VhostError> begin(uint64_t negotiated, const DmaMemory& memory);
  // A ring as after a reset. `call` is signalled to interrupt the driver, `broken` when the kernel
  // cannot go on with the ring.
  [[nodiscard]] Result<void, VhostError> set_ring(unsigned index, const QueueLayout& layout,
                                                  const DmaMemory& memory, BorrowedFd call,
                                                  BorrowedFd broken);
  // After the backend is attached: vhost looks at a ring when its kick is bound and was signalled
  // before, so that no notification of the time between is lost.
  [[nodiscard]] Result<void, VhostError> bind_kick(unsigned index, BorrowedFd kick);

  // --- In stop(), before the backend is detached. Nothing to report: the kernel refuses this to a
  // process that is not its owner, and nothing else.
  void unbind_kick(unsigned index);

  // A request of a type of device, for example request(VHOST_NET_SET_BACKEND, "…", file).
  template <class Argument>
  [[nodiscard]] Result<void, VhostError> request(unsigned long number, const char* name,
                                                 const Argument& argument) {
    // vhost reads the arguments of these requests only; the signature of ioctl(2) does not say so.
    Argument copy = argument;
    if (::ioctl(fd_.get(), number, &copy) != 0) return Unexpected(VhostError{name, errno});
    return {};
  }

 private:
  // Constant after construction.
  UniqueFd fd_;
  uint64_t kernel_features_ = 0;
};

}  // namespace redoubt
