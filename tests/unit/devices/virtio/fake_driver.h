// SPDX-License-Identifier: Apache-2.0
//
// FakeDriver: a guest's driver, as far as memory is concerned. It has real guest memory, lays out
// rings and buffers in it (each on pages of its own, so that each can be revoked alone), makes
// requests available and reads what was used. For tests of devices, with FakeTransport:
//
//   FakeDriver driver;                          // of a protected guest; FakeDriver(Memory::Plain)
//   Rng device;
//   FakeTransport transport(driver, device);
//   transport.start();                          // DRIVER_OK: queues stand, the device has started
//
//   const auto request = driver.chain().readable(header).writable(512).submit(0);
//   transport.notify(0);                        // as the driver's kick
//
//   EXPECT_THAT(driver.used(0), ElementsAre(Used{request.head, 513}));
//   EXPECT_EQ(driver.written(request), …);      // the contents of its writable buffers
//   EXPECT_TRUE(transport.take_interrupt());
//   EXPECT_EQ(transport.failure(), "");
//
// and for what an honest driver would not do:
//
//   driver.chain().writable_at(driver.outside(), 512).submit(0);      // an address of its choice
//   driver.chain().indirect().readable(header).writable(1).submit(0);
//   driver.chain().descriptor({address, length, flags, next})…        // a descriptor as it is
//   const RevokedPages gone = driver.revoke(request.writable[0]);     // unshared, for a while
//   driver.set_available_index(0, 77);
//
// Not thread-safe, except that memory may be accessed and revoked on any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <span>
#include <string_view>
#include <vector>

#include "devices/virtio/dma_memory.h"
#include "devices/virtio/virtqueue.h"
#include "tests/unit/memory/revoked_pages.h"
#include "vmm/memory/guest_memory.h"

namespace redoubt {

// An entry of the used ring.
struct Used {
  uint32_t head;
  uint32_t length;
  bool operator==(const Used&) const = default;
};
inline std::ostream& operator<<(std::ostream& out, const Used& used) {
  return out << "{head " << used.head << ", length " << used.length << "}";
}

// struct virtq_desc (virtio 1.3, 2.7.5).
struct FakeDescriptor {
  uint64_t address;
  uint32_t length;
  uint16_t flags;
  uint16_t next;
};
inline constexpr uint16_t kDescNext = 1;
inline constexpr uint16_t kDescWrite = 2;
inline constexpr uint16_t kDescIndirect = 4;

struct FakeRequest {
  uint16_t head = 0;
  std::vector<GuestRange> readable;
  std::vector<GuestRange> writable;
};

class FakeDriver {
 public:
  enum class Memory {
    Window,  // devices may use a DMA window above RAM
    Plain,   // devices may use all memory
  };

  // A request in the making. Buffers are filled, or zeroed with 0xa5, when they are added.
  class Chain {
   public:
    Chain& readable(std::span<const std::byte> contents);
    Chain& readable(std::string_view contents);
    template <class T>
    Chain& readable_object(const T& object) {
      return readable(std::as_bytes(std::span(&object, 1)));
    }
    Chain& writable(uint32_t length);
    // Memory as it is, at any address.
    Chain& readable_at(GuestAddress address, uint32_t length);
    Chain& writable_at(GuestAddress address, uint32_t length);
    // A descriptor as it is but for `next`, which submit() links when kDescNext is not set and
    // something follows.
    Chain& descriptor(const FakeDescriptor& descriptor);
    // Everything in an indirect table.
    Chain& indirect();

    // Takes descriptors, fills them in and makes the request available. Does not notify.
    FakeRequest submit(uint16_t queue);

   private:
    friend class FakeDriver;
    explicit Chain(FakeDriver& driver) : driver_(driver) {}

    FakeDriver& driver_;
    std::vector<FakeDescriptor> descriptors_;
    FakeRequest request_;
    bool indirect_ = false;
  };

  explicit FakeDriver(Memory kind = Memory::Window);

  [[nodiscard]] DmaMemory& memory() { return dma_; }
  [[nodiscard]] GuestMemory& guest_memory() { return guest_; }

  // Lays out a queue with zeroed rings; returns its index. `size` is a power of two.
  uint16_t add_queue(uint16_t size);
  // Zeroes the rings of a queue and forgets what was in flight, as after a reset.
  void reset_queue(uint16_t queue);
  [[nodiscard]] const QueueLayout& layout(uint16_t queue) const { return queues_.at(queue).layout; }
  [[nodiscard]] size_t queue_count() const { return queues_.size(); }

  [[nodiscard]] Chain chain() { return Chain(*this); }

  // What has been used since the last call, oldest first. Descriptors are free again.
  [[nodiscard]] std::vector<Used> used(uint16_t queue);
  // The contents of a request's writable buffers, one behind the other.
  [[nodiscard]] std::vector<std::byte> written(const FakeRequest& request);
  [[nodiscard]] std::vector<std::byte> read(GuestRange range);
  void write(GuestAddress to, std::span<const std::byte> bytes);

  // Memory of its own, page by page.
  [[nodiscard]] GuestRange allocate(uint64_t size);
  // A page that the guest has, in Memory::Window outside the window.
  [[nodiscard]] GuestAddress outside() const;
  // Where no guest memory is.
  [[nodiscard]] static GuestAddress nowhere() { return GuestAddress(0x0900'0000); }

  [[nodiscard]] RevokedPages revoke(GuestRange range) { return {guest_, range}; }
  [[nodiscard]] GuestRange descriptor_table(uint16_t queue) const;
  [[nodiscard]] GuestRange available_ring(uint16_t queue) const;
  [[nodiscard]] GuestRange used_ring(uint16_t queue) const;

  // --- Ring fields, as they are
  void set_descriptor(uint16_t queue, uint16_t index, const FakeDescriptor& descriptor);
  void set_available_flags(uint16_t queue, uint16_t flags);
  void set_available_index(uint16_t queue, uint16_t index);
  void set_available_entry(uint16_t queue, uint16_t slot, uint16_t head);
  void set_used_event(uint16_t queue, uint16_t index);
  [[nodiscard]] uint16_t available_index(uint16_t queue);
  [[nodiscard]] uint16_t used_flags(uint16_t queue);
  [[nodiscard]] uint16_t used_index(uint16_t queue);
  [[nodiscard]] uint16_t available_event(uint16_t queue);
  // Puts `head` into the ring and makes it available.
  void make_available(uint16_t queue, uint16_t head);

 private:
  struct Queue {
    QueueLayout layout;
    uint16_t next_available = 0;
    uint16_t next_used = 0;
    std::vector<uint16_t> free;                      // descriptors
    std::vector<std::vector<uint16_t>> descriptors;  // by head, while in flight
  };

  template <class T>
  T get(GuestAddress from);
  template <class T>
  void put(GuestAddress to, T value);

  GuestMemory guest_;
  DmaMemory dma_;
  GuestAddress next_page_;
  std::vector<Queue> queues_;
};

}  // namespace redoubt
