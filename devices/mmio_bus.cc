// SPDX-License-Identifier: Apache-2.0
#include "devices/mmio_bus.h"

#include <algorithm>
#include <mutex>

#include "vmm/base/log.h"
#include "vmm/base/setup_error.h"

namespace redoubt {

namespace {

bool is_access_size(size_t size) { return size == 1 || size == 2 || size == 4 || size == 8; }

}  // namespace

void MmioBus::add(GuestRange range, MmioDevice& device) {
  if (sealed_) throw SetupError("mmio bus: a device was added after the bus was sealed");
  const auto next = std::lower_bound(
      entries_.begin(), entries_.end(), range,
      [](const Entry& entry, GuestRange wanted) { return entry.range.end() <= wanted.start(); });
  if (next != entries_.end() && next->range.overlaps(range)) {
    throw SetupError(fmt::format(
        "mmio bus: a device at {:#x}, size {:#x}, overlaps the one at "
        "{:#x}, size {:#x}",
        range.start().value(), range.size(), next->range.start().value(), next->range.size()));
  }
  entries_.insert(next, Entry{range, &device});
}

const MmioBus::Entry* MmioBus::find(GuestAddress address, size_t size) const {
  if (!is_access_size(size)) return nullptr;
  const auto next = std::upper_bound(
      entries_.begin(), entries_.end(), address,
      [](GuestAddress wanted, const Entry& entry) { return wanted < entry.range.end(); });
  if (next == entries_.end()) return nullptr;
  const auto access = GuestRange::make(address, size);
  return access && next->range.contains(*access) ? &*next : nullptr;
}

void MmioBus::read(GuestAddress address, std::span<std::byte> data) noexcept {
  const Entry* entry = find(address, data.size());
  if (entry == nullptr) {
    static log::RateLimit limit;
    log::guest(limit, "mmio: read of {} bytes at {:#x}, where no device answers", data.size(),
               address.value());
    std::fill(data.begin(), data.end(), std::byte{0xff});
    return;
  }
  const std::lock_guard lock(entry->device->mutex());
  entry->device->read(address.value() - entry->range.start().value(), data);
}

void MmioBus::write(GuestAddress address, std::span<const std::byte> data) noexcept {
  const Entry* entry = find(address, data.size());
  if (entry == nullptr) {
    static log::RateLimit limit;
    log::guest(limit, "mmio: write of {} bytes at {:#x}, where no device answers", data.size(),
               address.value());
    return;
  }
  const std::lock_guard lock(entry->device->mutex());
  entry->device->write(address.value() - entry->range.start().value(), data);
}

void MmioBus::describe_all(fdt::Node& parent) const {
  for (const Entry& entry : entries_) entry.device->describe(parent);
}

}  // namespace redoubt
