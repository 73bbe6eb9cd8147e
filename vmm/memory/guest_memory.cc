// SPDX-License-Identifier: Apache-2.0
#include "vmm/memory/guest_memory.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "vmm/base/setup_error.h"

namespace redoubt {

namespace {

// The guest sees at most 40 bits of physical address space (pKVM caps ID_AA64MMFR0_EL1.PARange).
constexpr GuestAddress kHighestEnd{uint64_t{1} << 40};

bool is_window(const MemoryRegion& region) {
  return std::holds_alternative<DmaWindow>(region.backing);
}

// In the order of their addresses.
std::vector<MemoryRegion> checked(std::span<const MemoryRegion> regions) {
  std::vector<MemoryRegion> sorted(regions.begin(), regions.end());
  std::ranges::sort(sorted, {}, [](const MemoryRegion& region) { return region.range.start(); });
  const uint64_t page_size = host_page_size();
  for (size_t i = 0; i < sorted.size(); ++i) {
    const GuestRange range = sorted[i].range;
    if (range.start().value() % page_size != 0 || range.size() % page_size != 0 ||
        range.end() > kHighestEnd) {
      throw SetupError(fmt::format(
          "guest memory at {:#x}, size {:#x}: not made of whole {} byte pages below {:#x}",
          range.start().value(), range.size(), page_size, kHighestEnd.value()));
    }
    if (i > 0 && range.overlaps(sorted[i - 1].range)) {
      throw SetupError(fmt::format("guest memory at {:#x} overlaps that at {:#x}",
                                   range.start().value(), sorted[i - 1].range.start().value()));
    }
  }
  if (std::ranges::count_if(sorted, is_window) > 1) {
    throw SetupError("a guest can have one DMA window only");
  }
  return sorted;
}

MemoryObject make_object(const MemoryRegion& region) {
  if (const auto* window = std::get_if<DmaWindow>(&region.backing)) {
    return MemoryObject::dma_window(region.range.size(), window->hugepages);
  }
  return MemoryObject::private_ram(region.range.size(),
                                   std::get<PrivateRam>(region.backing).hugepages);
}

// Zeroes what the window holds. Holes are left alone, since writing would allocate them, and so is
// a page that is refused: the guest still owns it, and EL2 clears it before it gives it back.
void wipe(const MemoryObject& window) {
  const size_t page_size = host_page_size();
  const int fd = window.fd().get();
  off_t data = ::lseek(fd, 0, SEEK_DATA);
  while (data >= 0) {
    const off_t hole = ::lseek(fd, data, SEEK_HOLE);
    if (hole < 0) return;
    for (auto page = static_cast<size_t>(data); page < static_cast<size_t>(hole);
         page += page_size) {
      [[maybe_unused]] const size_t refused = zero_guest(window.start() + page, page_size);
    }
    data = ::lseek(fd, hole, SEEK_DATA);
  }
}

Result<void, MemoryError> done(size_t bytes_not_accessed) {
  if (bytes_not_accessed != 0) return Unexpected(MemoryError::Inaccessible);
  return {};
}

}  // namespace

GuestMemory::GuestMemory(std::span<const MemoryRegion> regions) {
  leave_memory_merging();
  for (const MemoryRegion& region : checked(regions)) {
    MemoryObject object = make_object(region);
    GuestAccessRegion access(object.start(), object.size(), hardware_error_event_.fd());
    slots_.push_back({region.range, object.start()});
    regions_.push_back({region.range, std::move(object), std::move(access)});
  }
}

GuestMemory::~GuestMemory() {
  for (const Region& region : regions_) {
    if (region.object.fd().valid()) wipe(region.object);
  }
}

Result<uintptr_t, MemoryError> GuestMemory::locate(GuestAddress address,
                                                   uint64_t size) const noexcept {
  const std::optional<GuestRange> range = GuestRange::make(address, size);
  if (!range) return Unexpected(MemoryError::OutOfRange);
  for (const Region& region : regions_) {
    if (region.range.contains(*range)) {
      return region.object.start() + (address.value() - region.range.start().value());
    }
  }
  return Unexpected(MemoryError::OutOfRange);
}

Result<uintptr_t, MemoryError> GuestMemory::locate_u16(GuestAddress address) const noexcept {
  if (address.value() % sizeof(uint16_t) != 0) return Unexpected(MemoryError::Misaligned);
  return locate(address, sizeof(uint16_t));
}

Result<void, MemoryError> GuestMemory::read(GuestAddress from,
                                            std::span<std::byte> to) const noexcept {
  if (to.empty()) return {};
  const uintptr_t source = TRY(locate(from, to.size()));
  return done(copy_from_guest(to.data(), source, to.size()));
}

Result<void, MemoryError> GuestMemory::write(GuestAddress to,
                                             std::span<const std::byte> from) noexcept {
  if (from.empty()) return {};
  const uintptr_t target = TRY(locate(to, from.size()));
  return done(copy_to_guest(target, from.data(), from.size()));
}

Result<void, MemoryError> GuestMemory::fill_zero(GuestRange range) noexcept {
  const uintptr_t target = TRY(locate(range.start(), range.size()));
  return done(zero_guest(target, range.size()));
}

Result<uint16_t, MemoryError> GuestMemory::load_u16(GuestAddress from) const noexcept {
  const uintptr_t source = TRY(locate_u16(from));
  uint16_t value = 0;
  TRY(done(load_guest_u16(source, &value)));
  return value;
}

Result<uint16_t, MemoryError> GuestMemory::load_acquire_u16(GuestAddress from) const noexcept {
  const uintptr_t source = TRY(locate_u16(from));
  uint16_t value = 0;
  TRY(done(load_acquire_guest_u16(source, &value)));
  return value;
}

Result<void, MemoryError> GuestMemory::store_release_u16(GuestAddress to, uint16_t value) noexcept {
  const uintptr_t target = TRY(locate_u16(to));
  return done(store_release_guest_u16(target, value));
}

bool GuestMemory::contains(GuestRange range) const noexcept {
  return locate(range.start(), range.size()).has_value();
}

void GuestMemory::load_file(BorrowedFd file, uint64_t offset, GuestAddress to, uint64_t size) {
  if (size == 0) return;
  const Result<uintptr_t, MemoryError> target = locate(to, size);
  if (!target) {
    throw SetupError(fmt::format("{:#x} bytes at {:#x} are not in guest memory", size, to.value()));
  }
  for (uint64_t loaded = 0; loaded < size;) {
    // SAFETY: the range was checked above and the mapping lives as long as this object. That a
    // system call gets a pointer into guest memory is harmless here and only here: before the first
    // KVM_RUN no page is donated, so none can be refused or poisoned; it saves a copy of the whole
    // kernel image.
    void* const here = reinterpret_cast<void*>(*target + loaded);
    const ssize_t count =
        ::pread(file.get(), here, size - loaded, static_cast<off_t>(offset + loaded));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_errno(fmt::format("read of {:#x} bytes at offset {:#x}", size, offset));
    if (count == 0) {
      throw SetupError(fmt::format("file ends at {:#x}, expected {:#x} bytes at offset {:#x}",
                                   offset + loaded, size, offset));
    }
    loaded += static_cast<uint64_t>(count);
  }
}

std::optional<BorrowedFd> GuestMemory::dma_window_fd() const {
  for (const Region& region : regions_) {
    if (region.object.fd().valid()) return region.object.fd();
  }
  return std::nullopt;
}

std::optional<HardwareError> GuestMemory::take_hardware_error() {
  // Drained before looking: an error that comes afterwards rings again.
  hardware_error_event_.drain();
  for (Region& region : regions_) {
    const std::optional<HostHardwareError> error = region.access.take_hardware_error();
    if (!error) continue;
    hardware_error_event_.signal();  // there may be more
    const uint64_t offset = error->page - region.object.start();
    return HardwareError{GuestAddress(region.range.start().value() + offset), error->kind};
  }
  return std::nullopt;
}

}  // namespace redoubt
