// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/virtqueue.h"

#include <array>
#include <bit>
#include <limits>
#include <utility>

#include "devices/virtio/features.h"

namespace redoubt {

// struct virtq_desc (2.7.5).
struct Virtqueue::Descriptor {
  uint64_t addr;
  uint32_t len;
  uint16_t flags;
  uint16_t next;
};

namespace {

static_assert(std::endian::native == std::endian::little, "ring fields are little-endian");

// Descriptor flags (2.7.5).
constexpr uint16_t kNext = 1;
constexpr uint16_t kWrite = 2;
constexpr uint16_t kIndirect = 4;
constexpr uint16_t kKnownFlags = kNext | kWrite | kIndirect;

constexpr uint16_t kNoInterrupt = 1;  // virtq_avail.flags (2.7.6)
constexpr uint16_t kNoNotify = 1;     // virtq_used.flags (2.7.8)

// struct virtq_used_elem (2.7.8).
struct UsedElement {
  uint32_t id;
  uint32_t len;
};

constexpr uint64_t kDescriptorSize = 16;

// Both rings begin with flags and idx and end with an event index (2.7.6, 2.7.8):
//
//   offset   0      2    4               4 + size * entry
//            flags  idx  ring[size] …    used_event / avail_event
constexpr uint64_t kFlagsOffset = 0;
constexpr uint64_t kIndexOffset = 2;
constexpr uint64_t kRingOffset = 4;
constexpr uint64_t kAvailableEntrySize = 2;
constexpr uint64_t kUsedEntrySize = sizeof(UsedElement);
constexpr uint64_t kEventSize = 2;

// For sums inside a ring, which was checked as a whole.
GuestAddress at(GuestAddress base, uint64_t offset) { return GuestAddress(base.value() + offset); }

// Between a store that the other side looks at and a load of what the other side stores: without
// it either could be ahead of the other, and both sides would wait. Not std::atomic_thread_fence(),
// which g++ refuses to compile for ThreadSanitizer.
void full_barrier() { __sync_synchronize(); }

// Fails unless a ring part lies where devices may look, aligned, and can be read now. A page that
// is taken back later is met when it is used.
Result<void, QueueError> check_part(DmaMemory& memory, GuestAddress start, uint64_t size,
                                    uint64_t alignment) {
  constexpr uint64_t kSmallestPage = 4096;
  const std::optional<GuestRange> range = GuestRange::make(start, size);
  if (!range || !memory.contains(*range)) return Unexpected(QueueError::OutOfRange);
  if ((start.value() & (alignment - 1)) != 0) return Unexpected(QueueError::Misaligned);
  std::array<std::byte, 1> byte{};
  for (uint64_t offset = 0; offset < size; offset += kSmallestPage) {
    TRY(memory.read(at(start, offset), byte));
  }
  return memory.read(at(start, size - 1), byte);
}

}  // namespace

Virtqueue::Virtqueue(DmaMemory& memory, const QueueLayout& layout, uint64_t features,
                     uint64_t epoch)
    : memory_(&memory),
      layout_(layout),
      event_idx_((features & virtio::kEventIdx) != 0),
      indirect_((features & virtio::kIndirectDesc) != 0),
      epoch_(epoch),
      in_flight_(layout.size) {}

Result<Virtqueue, QueueError> Virtqueue::create(DmaMemory& memory, const QueueLayout& layout,
                                                uint64_t features, uint64_t epoch) {
  const uint64_t size = layout.size;
  TRY(check_part(memory, layout.descriptor_table, size * kDescriptorSize, 16));
  TRY(check_part(memory, layout.available_ring,
                 kRingOffset + size * kAvailableEntrySize + kEventSize, 2));
  TRY(check_part(memory, layout.used_ring, kRingOffset + size * kUsedEntrySize + kEventSize, 4));
  return Virtqueue(memory, layout, features, epoch);
}

GuestAddress Virtqueue::available_entry(uint16_t slot) const {
  return at(layout_.available_ring, kRingOffset + slot * kAvailableEntrySize);
}

GuestAddress Virtqueue::used_entry(uint16_t slot) const {
  return at(layout_.used_ring, kRingOffset + slot * kUsedEntrySize);
}

Result<uint16_t, QueueError> Virtqueue::available() const {
  // Acquire: the entries and descriptors that this index announces are read after it.
  const uint16_t index = TRY(memory_->load_acquire_u16(at(layout_.available_ring, kIndexOffset)));
  const auto count = static_cast<uint16_t>(index - next_available_);
  if (count > layout_.size) return Unexpected(QueueError::TooManyAvailable);
  return count;
}

void Virtqueue::begin_turn() {
  pops_left_ = kPopsPerTurn;
  cut_short_ = false;
}

Result<std::optional<DescriptorChain>, QueueError> Virtqueue::pop() {
  if (pops_left_ == 0) {
    cut_short_ = true;
    return std::nullopt;
  }
  if (TRY(available()) == 0) {
    TRY(ask_for_notification());
    // The driver stores the available index and then reads whether to notify; we stored whether it
    // is to notify and now read the index again. With a full barrier on both sides, at least one
    // sees what the other stored, and no request is left lying (2.7.10, 2.7.13.4.1).
    full_barrier();
    if (TRY(available()) == 0) return std::nullopt;
  }
  TRY(ask_for_silence());
  // Plain: ordered behind the index by the acquire in available().
  const uint16_t head = TRY(memory_->load_u16(available_entry(slot(next_available_))));
  if (head >= layout_.size) return Unexpected(QueueError::BadDescriptorIndex);
  if (in_flight_[head]) return Unexpected(QueueError::HeadInFlight);
  DescriptorChain chain = TRY(read_chain(head));
  in_flight_[head] = true;
  ++next_available_;
  --pops_left_;
  return chain;
}

void Virtqueue::undo_pop(DescriptorChain chain) {
  if (chain.epoch_ != epoch_) return;
  in_flight_[chain.head_] = false;
  --next_available_;
  ++pops_left_;
}

Result<void, QueueError> Virtqueue::ask_for_notification() {
  if (event_idx_) {
    // avail_event: notify when the entry at this index is made available.
    return memory_->store_release_u16(
        at(layout_.used_ring, kRingOffset + layout_.size * kUsedEntrySize), next_available_);
  }
  if (!silenced_) return {};
  silenced_ = false;
  return memory_->store_release_u16(at(layout_.used_ring, kFlagsOffset), 0);
}

Result<void, QueueError> Virtqueue::ask_for_silence() {
  // With EVENT_IDX the driver is silent anyway until it reaches avail_event.
  if (event_idx_ || silenced_) return {};
  silenced_ = true;
  return memory_->store_release_u16(at(layout_.used_ring, kFlagsOffset), kNoNotify);
}

Result<DescriptorChain, QueueError> Virtqueue::read_chain(uint16_t head) const {
  DescriptorChain chain(*memory_, head, epoch_);
  GuestAddress table = layout_.descriptor_table;
  uint64_t table_size = layout_.size;
  bool in_indirect_table = false;
  uint16_t index = head;
  while (true) {
    // A loop ends here: 2.7.5.3.1 allows no chain longer than the queue, indirect or not.
    if (chain.buffers_.size() == layout_.size) return Unexpected(QueueError::ChainTooLong);
    if (index >= table_size) return Unexpected(QueueError::BadDescriptorIndex);
    const auto descriptor =
        TRY(memory_->read_object<Descriptor>(at(table, index * kDescriptorSize)));
    if ((descriptor.flags & ~kKnownFlags) != 0) return Unexpected(QueueError::BadFlags);

    if ((descriptor.flags & kIndirect) != 0) {
      // 2.7.5.3.1: only if negotiated, no table within a table, and never with NEXT; WRITE is to be
      // ignored.
      if (!indirect_ || in_indirect_table || (descriptor.flags & kNext) != 0) {
        return Unexpected(QueueError::BadFlags);
      }
      table_size = descriptor.len / kDescriptorSize;
      if (table_size == 0 || descriptor.len % kDescriptorSize != 0 || table_size > layout_.size) {
        return Unexpected(QueueError::BadIndirectTable);
      }
      const std::optional<GuestRange> range =
          GuestRange::make(GuestAddress(descriptor.addr), descriptor.len);
      if (!range || !memory_->contains(*range)) return Unexpected(QueueError::OutOfRange);
      table = range->start();
      in_indirect_table = true;
      index = 0;
      continue;
    }

    TRY(add_buffer(chain, descriptor));
    if ((descriptor.flags & kNext) == 0) break;
    index = descriptor.next;
  }
  chain.writable_.first = chain.readable_.count;
  return chain;
}

Result<void, QueueError> Virtqueue::add_buffer(DescriptorChain& chain,
                                               const Descriptor& descriptor) const {
  if (descriptor.len == 0) return Unexpected(QueueError::EmptyBuffer);
  const bool writable = (descriptor.flags & kWrite) != 0;
  if (!writable && chain.writable_.count != 0) {
    return Unexpected(QueueError::ReadableAfterWritable);
  }
  // Each part is below 4 GiB, so the sum fits 64 bits.
  const uint64_t bytes = uint64_t{chain.readable_.bytes} + chain.writable_.bytes + descriptor.len;
  if (bytes > std::numeric_limits<uint32_t>::max()) return Unexpected(QueueError::BufferTooLong);
  const std::optional<GuestRange> range =
      GuestRange::make(GuestAddress(descriptor.addr), descriptor.len);
  if (!range || !memory_->contains(*range)) return Unexpected(QueueError::OutOfRange);

  DescriptorChain::Part& part = writable ? chain.writable_ : chain.readable_;
  ++part.count;
  part.bytes += descriptor.len;
  memory_->hold(descriptor.len);  // until the chain ends, also if the next descriptor is bad
  chain.buffers_.push_back({range->start(), descriptor.len});
  return {};
}

Result<void, QueueError> Virtqueue::push(DescriptorChain chain, uint32_t written) {
  if (chain.epoch_ != epoch_) return {};
  in_flight_[chain.head_] = false;
  TRY(memory_->write_object(used_entry(slot(next_used_)), UsedElement{chain.head_, written}));
  ++next_used_;
  // Release: the entry and what was written to the buffers are there before the index says so.
  return memory_->store_release_u16(at(layout_.used_ring, kIndexOffset), next_used_);
}

Result<bool, QueueError> Virtqueue::take_interrupt_wanted() {
  if (next_used_ == signalled_used_) return false;
  const uint16_t before = std::exchange(signalled_used_, next_used_);
  // The mirror image of pop(): we stored the used index and now read whether the driver is to be
  // interrupted; it stores that and then reads the index again (2.7.7.2, 2.7.14).
  full_barrier();
  if (!event_idx_) {
    const uint16_t flags = TRY(memory_->load_u16(at(layout_.available_ring, kFlagsOffset)));
    return (flags & kNoInterrupt) == 0;
  }
  const uint16_t used_event = TRY(memory_->load_u16(available_entry(layout_.size)));
  // Whether the entry at used_event is among those pushed since, modulo 2^16.
  return static_cast<uint16_t>(next_used_ - used_event - 1) <
         static_cast<uint16_t>(next_used_ - before);
}

}  // namespace redoubt
