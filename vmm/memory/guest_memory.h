// SPDX-License-Identifier: Apache-2.0
//
// GuestMemory: all memory of one guest, and the only way to it. Under pKVM every access may be
// refused at any time, because the guest alone decides which pages its host can see; so every
// access returns a Result, and Inaccessible is an ordinary outcome.
//
// No pointer, reference or span into guest memory leaves this class: copy in once, check the copy,
// use the copy. slots() alone shows host addresses, for KVM.
//
// Accesses may be made on any thread at the same time, and race with the guest by nature; nothing
// here takes a lock. Only the 16-bit accesses are single-copy atomic. Construction and destruction
// belong to one thread, with nobody else accessing; the object outlives everything that uses it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <variant>
#include <vector>

#include "vmm/base/event_fd.h"
#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"
#include "vmm/memory/guest_address.h"
#include "vmm/memory/memory_object.h"
#include "vmm/memory/safe_access.h"

namespace redoubt {

enum class MemoryError {
  OutOfRange,    // not (or not wholly) inside one region
  Misaligned,    // an atomic access to an odd address
  Inaccessible,  // the page is not shared with us (any more), or its hardware failed
};

struct PrivateRam {
  HugepageAdvice hugepages = HugepageAdvice::Auto;
};
struct DmaWindow {
  HugepageAdvice hugepages = HugepageAdvice::Auto;  // Auto or Preferred
};

struct MemoryRegion {
  GuestRange range;  // start and size are multiples of the host's page size, end is below 1 TiB
  std::variant<PrivateRam, DmaWindow> backing;
};

// What KVM_SET_USER_MEMORY_REGION wants to know of a region.
struct MemorySlot {
  GuestRange range;
  uint64_t host_address;
};

struct HardwareError {
  GuestAddress page;
  HardwareErrorKind kind;
};

class GuestMemory {
 public:
  // Installs the fault handler and takes the process out of KSM's reach. Throws SetupError, with
  // status MemoryRefused if the host does not give the memory. At most one region is a DMA window.
  explicit GuestMemory(std::span<const MemoryRegion> regions);
  // Wipes the DMA window, whose pages the kernel hands back as the guest left them.
  ~GuestMemory();
  GuestMemory(const GuestMemory&) = delete;
  GuestMemory& operator=(const GuestMemory&) = delete;

  // An access of no bytes succeeds anywhere. One that fails with Inaccessible may have been done in
  // part: the bytes before the first one refused.
  [[nodiscard]] Result<void, MemoryError> read(GuestAddress from,
                                               std::span<std::byte> to) const noexcept;
  [[nodiscard]] Result<void, MemoryError> write(GuestAddress to,
                                                std::span<const std::byte> from) noexcept;
  [[nodiscard]] Result<void, MemoryError> fill_zero(GuestRange range) noexcept;

  // One object as it lies in guest memory. T is made of little-endian fields of fixed size.
  template <class T>
  [[nodiscard]] Result<T, MemoryError> read_object(GuestAddress from) const noexcept;
  template <class T>
  [[nodiscard]] Result<void, MemoryError> write_object(GuestAddress to, const T& object) noexcept;

  // Single-copy atomic, for the indices of rings shared with the guest. The acquire keeps what the
  // index announces from being read before it; the release keeps it from being written after it.
  [[nodiscard]] Result<uint16_t, MemoryError> load_u16(GuestAddress from) const noexcept;
  [[nodiscard]] Result<uint16_t, MemoryError> load_acquire_u16(GuestAddress from) const noexcept;
  [[nodiscard]] Result<void, MemoryError> store_release_u16(GuestAddress to,
                                                            uint16_t value) noexcept;

  // Whether the whole range lies in one region. Says nothing about access.
  [[nodiscard]] bool contains(GuestRange range) const noexcept;

  // Reads `size` bytes of the file from `offset` on into guest memory. Only before the guest runs:
  // the file system writes into guest memory directly. Throws SetupError.
  void load_file(BorrowedFd file, uint64_t offset, GuestAddress to, uint64_t size);

  // One for each region, in the order of their addresses.
  [[nodiscard]] std::span<const MemorySlot> slots() const { return slots_; }

  // The memfd behind the DMA window, for a device process; nothing, if there is no window. Never
  // read or write it as a file: the kernel would take the page away from the guest.
  [[nodiscard]] std::optional<BorrowedFd> dma_window_fd() const;

  // Readable from the first hardware error until take_hardware_error() has returned nothing. The
  // guest cannot go on after an error of kind ActionRequired: KVM_RUN would meet it for ever.
  [[nodiscard]] BorrowedFd hardware_error_event() const { return hardware_error_event_.fd(); }
  [[nodiscard]] std::optional<HardwareError> take_hardware_error();

 private:
  struct Region {
    GuestRange range;
    MemoryObject object;
    GuestAccessRegion access;
  };

  // The host address of [address, address + size).
  [[nodiscard]] Result<uintptr_t, MemoryError> locate(GuestAddress address,
                                                      uint64_t size) const noexcept;
  [[nodiscard]] Result<uintptr_t, MemoryError> locate_u16(GuestAddress address) const noexcept;

  // Constant after construction, in the order of their addresses.
  EventFd hardware_error_event_;
  std::vector<Region> regions_;
  std::vector<MemorySlot> slots_;
};

template <class T>
Result<T, MemoryError> GuestMemory::read_object(GuestAddress from) const noexcept {
  static_assert(std::is_trivially_copyable_v<T>);
  T object;
  TRY(read(from, std::as_writable_bytes(std::span(&object, 1))));
  return object;
}

template <class T>
Result<void, MemoryError> GuestMemory::write_object(GuestAddress to, const T& object) noexcept {
  static_assert(std::is_trivially_copyable_v<T>);
  return write(to, std::as_bytes(std::span(&object, 1)));
}

}  // namespace redoubt
