// SPDX-License-Identifier: Apache-2.0
//
// Guest memory as the kernel's vhost is told of it: this process's addresses for the guest's. They
// are numbers on their way to two ioctls, made here after the bounds were checked, and nothing else
// outside vmm/memory knows them. The kernel copies to and from them as it does for a system call,
// so memory that the guest has taken back gives EFAULT and harms nobody.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "devices/vhost/uapi.h"
#include "devices/virtio/dma_memory.h"
#include "devices/virtio/queue_error.h"
#include "devices/virtio/virtqueue.h"
#include "vmm/base/result.h"

namespace redoubt {

// struct vhost_memory with room for more regions than a guest has.
struct VhostMemoryTable {
  uint32_t region_count;
  uint32_t padding;
  std::array<vhost_memory_region, 8> regions;
};
static_assert(offsetof(VhostMemoryTable, regions) == sizeof(vhost_memory));

// What devices may use and no more: for a protected guest the DMA window alone. OutOfRange if that
// is nothing, or does not fit the table.
[[nodiscard]] Result<VhostMemoryTable, QueueError> vhost_memory_table(const DmaMemory& memory);

// Where the parts of a ring are, each wholly in one slot of `memory`.
[[nodiscard]] Result<vhost_vring_addr, QueueError> vhost_ring_addresses(const DmaMemory& memory,
                                                                        unsigned index,
                                                                        const QueueLayout& layout);

}  // namespace redoubt
