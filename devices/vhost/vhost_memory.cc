// SPDX-License-Identifier: Apache-2.0
#include "devices/vhost/vhost_memory.h"

#include <optional>

namespace redoubt {

namespace {

// virtio 1.3, 2.7: the sizes of the parts, with the fields that EVENT_IDX adds.
uint64_t descriptor_table_bytes(uint16_t size) { return uint64_t{16} * size; }
uint64_t available_ring_bytes(uint16_t size) { return 6 + uint64_t{2} * size; }
uint64_t used_ring_bytes(uint16_t size) { return 6 + uint64_t{8} * size; }

Result<uint64_t, QueueError> translate(const DmaMemory& memory, GuestAddress start, uint64_t size) {
  const std::optional<GuestRange> range = GuestRange::make(start, size);
  if (!range || !memory.contains(*range)) return Unexpected(QueueError::OutOfRange);
  for (const MemorySlot& slot : memory.slots()) {
    if (!slot.range.contains(*range)) continue;
    return slot.host_address + (start.value() - slot.range.start().value());
  }
  return Unexpected(QueueError::OutOfRange);
}

}  // namespace

Result<VhostMemoryTable, QueueError> vhost_memory_table(const DmaMemory& memory) {
  VhostMemoryTable table{};
  const std::vector<MemorySlot> slots = memory.slots();
  if (slots.empty() || slots.size() > table.regions.size()) {
    return Unexpected(QueueError::OutOfRange);
  }
  for (const MemorySlot& slot : slots) {
    table.regions[table.region_count++] = {.guest_phys_addr = slot.range.start().value(),
                                           .memory_size = slot.range.size(),
                                           .userspace_addr = slot.host_address,
                                           .flags_padding = 0};
  }
  return table;
}

Result<vhost_vring_addr, QueueError> vhost_ring_addresses(const DmaMemory& memory, unsigned index,
                                                          const QueueLayout& layout) {
  vhost_vring_addr addresses{};
  addresses.index = index;
  addresses.desc_user_addr =
      TRY(translate(memory, layout.descriptor_table, descriptor_table_bytes(layout.size)));
  addresses.avail_user_addr =
      TRY(translate(memory, layout.available_ring, available_ring_bytes(layout.size)));
  addresses.used_user_addr = TRY(translate(memory, layout.used_ring, used_ring_bytes(layout.size)));
  return addresses;
}

}  // namespace redoubt
