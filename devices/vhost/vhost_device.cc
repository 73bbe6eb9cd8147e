// SPDX-License-Identifier: Apache-2.0
#include "devices/vhost/vhost_device.h"

#include <system_error>

#include <fcntl.h>

#include "devices/vhost/vhost_memory.h"
#include "devices/virtio/features.h"
#include "vmm/base/setup_error.h"

namespace redoubt {

namespace {

constexpr uint64_t kDeviceFeatures = 0x0000'0000'00ff'ffff;  // bits 0 to 23
constexpr uint64_t kQueueFeatures = virtio::kIndirectDesc | virtio::kEventIdx;

}  // namespace

std::string describe(const VhostError& error) {
  return std::string(error.request) + ": " + std::generic_category().message(error.error);
}

VhostDevice::VhostDevice(const char* path) : fd_(::open(path, O_RDWR | O_CLOEXEC)) {
  if (!fd_.valid()) throw_errno(std::string("open ") + path);
  if (::ioctl(fd_.get(), VHOST_SET_OWNER, nullptr) != 0) throw_errno("VHOST_SET_OWNER");
  if (::ioctl(fd_.get(), VHOST_GET_FEATURES, &kernel_features_) != 0) {
    throw_errno("VHOST_GET_FEATURES");
  }
}

uint64_t VhostDevice::device_features() const { return kernel_features_ & kDeviceFeatures; }

// Without RING_RESET, which is not the kernel's to do: a device without it has its queues reset
// together.
uint64_t VhostDevice::queue_features() const { return kernel_features_ & kQueueFeatures; }

Result<void, VhostError> VhostDevice::begin(uint64_t negotiated, const DmaMemory& memory) {
  const uint64_t passed_on =
      kernel_features_ & (kDeviceFeatures | kQueueFeatures | virtio::kVersion1);
  TRY(request(VHOST_SET_FEATURES, "VHOST_SET_FEATURES", negotiated & passed_on));
  const auto table = vhost_memory_table(memory);
  if (!table) return Unexpected(VhostError{"the table of guest memory", ERANGE});
  return request(VHOST_SET_MEM_TABLE, "VHOST_SET_MEM_TABLE", *table);
}

Result<void, VhostError> VhostDevice::set_ring(unsigned index, const QueueLayout& layout,
                                               const DmaMemory& memory, BorrowedFd call,
                                               BorrowedFd broken) {
  const auto addresses = vhost_ring_addresses(memory, index, layout);
  if (!addresses) return Unexpected(VhostError{"the addresses of a ring", ERANGE});
  const vhost_vring_state size{.index = index, .num = layout.size};
  const vhost_vring_state base{.index = index, .num = 0};
  const vhost_vring_file call_file{.index = index, .fd = call.get()};
  const vhost_vring_file error_file{.index = index, .fd = broken.get()};
  TRY(request(VHOST_SET_VRING_NUM, "VHOST_SET_VRING_NUM", size));
  TRY(request(VHOST_SET_VRING_BASE, "VHOST_SET_VRING_BASE", base));
  TRY(request(VHOST_SET_VRING_ADDR, "VHOST_SET_VRING_ADDR", *addresses));
  TRY(request(VHOST_SET_VRING_CALL, "VHOST_SET_VRING_CALL", call_file));
  return request(VHOST_SET_VRING_ERR, "VHOST_SET_VRING_ERR", error_file);
}

Result<void, VhostError> VhostDevice::bind_kick(unsigned index, BorrowedFd kick) {
  const vhost_vring_file file{.index = index, .fd = kick.get()};
  return request(VHOST_SET_VRING_KICK, "VHOST_SET_VRING_KICK", file);
}

void VhostDevice::unbind_kick(unsigned index) {
  const vhost_vring_file file{.index = index, .fd = VHOST_FILE_UNBIND};
  static_cast<void>(request(VHOST_SET_VRING_KICK, "VHOST_SET_VRING_KICK", file));
}

}  // namespace redoubt
