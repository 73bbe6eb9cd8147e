// SPDX-License-Identifier: Apache-2.0
//
// Virtqueue: the device's side of a split virtqueue (virtio 1.3, 2.7), with INDIRECT_DESC and
// EVENT_IDX. Every descriptor is read once, checked and then used as it was read; the two indices
// are single aligned accesses. A driver can break its queue, never the device.
//
// Used under the transport's work lock only.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "devices/virtio/descriptor_chain.h"
#include "devices/virtio/dma_memory.h"
#include "devices/virtio/queue_error.h"
#include "vmm/base/result.h"
#include "vmm/memory/guest_address.h"

namespace redoubt {

struct QueueLayout {
  uint16_t size = 0;  // entries: a power of two, at most 32768
  GuestAddress descriptor_table;
  GuestAddress available_ring;
  GuestAddress used_ring;

  bool operator==(const QueueLayout&) const = default;
};

class Virtqueue {
 public:
  // `features` as negotiated. `epoch` differs from that of every queue before it: a chain of
  // another epoch is dropped by push(). Fails if a ring is misaligned or not wholly where devices
  // may look, or a part of it cannot be read.
  [[nodiscard]] static Result<Virtqueue, QueueError> create(DmaMemory& memory,
                                                            const QueueLayout& layout,
                                                            uint64_t features, uint64_t epoch);

  // The next request. Nothing, if there is none now, or if this turn has taken as many as it may:
  // on_notify() is called for the next one, so there is no need to look again before that.
  [[nodiscard]] Result<std::optional<DescriptorChain>, QueueError> pop();

  // Requests made available and not popped yet, without touching them.
  [[nodiscard]] Result<uint16_t, QueueError> available() const;

  // Gives the last pop() back, untouched: the next pop() returns it again. One of another epoch is
  // dropped.
  void undo_pop(DescriptorChain chain);

  // Gives a request back to the driver. `written`: bytes written from the start of the writable
  // ones, without gaps; at most as many as there are.
  [[nodiscard]] Result<void, QueueError> push(DescriptorChain chain, uint32_t written);

  // Whether the driver wants to hear of what has been pushed since the last call. To be asked at
  // the end of every turn: a driver that saw 65,536 entries go by unsaid would see none.
  [[nodiscard]] Result<bool, QueueError> take_interrupt_wanted();

  // For the transport. A turn is one on_notify(), start() or run(): it takes at most kPopsPerTurn
  // requests, so that a driver that makes them as fast as they are served cannot keep the loop to
  // itself. After a turn that was cut short the queue is owed an on_notify().
  void begin_turn();
  [[nodiscard]] bool turn_cut_short() const { return cut_short_; }
  static constexpr uint16_t kPopsPerTurn = 256;

  [[nodiscard]] const QueueLayout& layout() const { return layout_; }

 private:
  struct Descriptor;

  Virtqueue(DmaMemory& memory, const QueueLayout& layout, uint64_t features, uint64_t epoch);

  // Turns the driver's notifications on or off.
  [[nodiscard]] Result<void, QueueError> ask_for_notification();
  [[nodiscard]] Result<void, QueueError> ask_for_silence();
  // Reads and checks the chain that starts at `head`, each descriptor once.
  [[nodiscard]] Result<DescriptorChain, QueueError> read_chain(uint16_t head) const;
  [[nodiscard]] Result<void, QueueError> add_buffer(DescriptorChain& chain,
                                                    const Descriptor& descriptor) const;

  // The ring entry that a free-running index stands for; sizes are powers of two.
  [[nodiscard]] uint16_t slot(uint16_t index) const {
    return static_cast<uint16_t>(index & (layout_.size - 1));
  }
  [[nodiscard]] GuestAddress available_entry(uint16_t slot) const;
  [[nodiscard]] GuestAddress used_entry(uint16_t slot) const;

  DmaMemory* memory_;
  QueueLayout layout_;
  bool event_idx_;
  bool indirect_;
  uint64_t epoch_;
  uint16_t next_available_ = 0;  // free-running, as the ring's own indices are
  uint16_t next_used_ = 0;
  uint16_t signalled_used_ = 0;  // next_used_ when the driver was last considered for an interrupt
  bool silenced_ = false;        // NO_NOTIFY is set; without EVENT_IDX only
  std::vector<bool> in_flight_;  // by head
  uint16_t pops_left_ = kPopsPerTurn;
  bool cut_short_ = false;
};

}  // namespace redoubt
