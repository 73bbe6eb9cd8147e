// SPDX-License-Identifier: Apache-2.0
//
// MmioBus: which device answers at a guest-physical address. Built during set-up, then sealed;
// from there on it is constant, so that vCPU threads look devices up without a lock.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "devices/mmio_device.h"
#include "vmm/fdt/fdt_writer.h"
#include "vmm/memory/guest_address.h"

namespace redoubt {

class MmioBus {
 public:
  // `device`, which must outlive the bus, answers in `range`. Throws SetupError when the range
  // overlaps another one or the bus is sealed.
  void add(GuestRange range, MmioDevice& device);
  void seal() { sealed_ = true; }

  // A guest's access, on any vCPU thread. One that no device answers as a whole, because nothing is
  // there, because it sticks out of the device or because its size is not 1, 2, 4 or 8, reads as
  // all-ones and is ignored when written.
  void read(GuestAddress address, std::span<std::byte> data) noexcept;
  void write(GuestAddress address, std::span<const std::byte> data) noexcept;

  // Each device describes itself, by ascending address.
  void describe_all(fdt::Node& parent) const;

 private:
  struct Entry {
    GuestRange range;
    MmioDevice* device;
  };
  [[nodiscard]] const Entry* find(GuestAddress address, size_t size) const;

  // Constant after seal().
  std::vector<Entry> entries_;  // sorted by address, disjoint
  bool sealed_ = false;
};

}  // namespace redoubt
