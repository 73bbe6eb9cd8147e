// SPDX-License-Identifier: Apache-2.0
//
// The register file. What happens between the device and its queues is in mmio_transport_work.cc.
#include "devices/virtio/mmio_transport.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "devices/virtio/device_status.h"
#include "devices/virtio/features.h"
#include "vmm/fdt/phandles.h"

namespace redoubt {

using virtio::MmioRegister;

namespace {

constexpr uint32_t kMagic = 0x7472'6976;   // "virt"
constexpr uint32_t kVersion = 2;           // 1 was the legacy interface
constexpr uint32_t kVendor = 0x5442'4452;  // "RDBT"
constexpr uint32_t kNoSharedMemory = 0xffff'ffff;

// Device-tree binding arm,gic-v3: type, number, flags.
constexpr uint32_t kInterruptTypeSpi = 0;
constexpr uint32_t kInterruptEdgeRising = 1;

uint32_t half(uint64_t value, uint32_t select) {
  return select < 2 ? static_cast<uint32_t>(value >> (32 * select)) : 0;
}

// `value` with the 32 bits from `shift` on replaced.
uint64_t with_half(uint64_t value, uint32_t replacement, unsigned shift) {
  return (value & ~(uint64_t{0xffff'ffff} << shift)) | uint64_t{replacement} << shift;
}

}  // namespace

void describe_virtio_mmio(fdt::Node& parent, GuestRange range, uint32_t spi, bool has_dma_window) {
  fdt::Node node = parent.child(fmt::format("virtio_mmio@{:x}", range.start().value()));
  node.property("compatible", "virtio,mmio");
  node.property_u64("reg", {range.start().value(), range.size()});
  node.property_u32("interrupts", {kInterruptTypeSpi, spi, kInterruptEdgeRising});
  node.property("dma-coherent");
  if (has_dma_window) node.property_u32("memory-region", {fdt::kDmaWindowPhandle});
}

void VirtioMmioTransport::describe(fdt::Node& parent) const {
  describe_virtio_mmio(parent, range_, spi_, memory_.window().has_value());
}

GuestAddress VirtioMmioTransport::notify_address() const {
  return GuestAddress(range_.start().value() + static_cast<uint64_t>(MmioRegister::QueueNotify));
}

// --- Accesses

void VirtioMmioTransport::read(uint64_t offset, std::span<std::byte> data) {
  if (offset >= virtio::kConfigOffset) return read_config(offset - virtio::kConfigOffset, data);
  std::ranges::fill(data, std::byte{0});
  if (data.size() != sizeof(uint32_t) || offset % sizeof(uint32_t) != 0) return;
  const uint32_t value = read_register(static_cast<MmioRegister>(offset));
  std::memcpy(data.data(), &value, sizeof(value));
}

void VirtioMmioTransport::write(uint64_t offset, std::span<const std::byte> data) {
  if (offset >= virtio::kConfigOffset) return write_config(offset - virtio::kConfigOffset, data);
  if (data.size() != sizeof(uint32_t) || offset % sizeof(uint32_t) != 0) return;
  uint32_t value = 0;
  std::memcpy(&value, data.data(), sizeof(value));
  write_register(static_cast<MmioRegister>(offset), value);
}

uint32_t VirtioMmioTransport::read_register(MmioRegister which) {
  const QueueRegisters* const queue = selected_queue();
  switch (which) {
    case MmioRegister::MagicValue: return kMagic;
    case MmioRegister::Version: return kVersion;
    case MmioRegister::DeviceID: return device_.device_id();
    case MmioRegister::VendorID: return kVendor;
    case MmioRegister::DeviceFeatures: return half(offered_, device_features_select_);
    case MmioRegister::QueueNumMax: return queue != nullptr ? queue->max_size : 0;
    case MmioRegister::QueueReady: return queue != nullptr && queue->ready ? 1 : 0;
    case MmioRegister::InterruptStatus: return interrupt_status();
    case MmioRegister::Status: return status_;
    case MmioRegister::SHMLenLow:
    case MmioRegister::SHMLenHigh:
    case MmioRegister::SHMBaseLow:
    case MmioRegister::SHMBaseHigh: return kNoSharedMemory;
    case MmioRegister::QueueReset: return 0;  // a reset is over when the write returns
    case MmioRegister::ConfigGeneration: {
      const std::lock_guard lock(config_mutex_);
      return config_generation_;
    }
    default: return 0;
  }
}

void VirtioMmioTransport::write_register(MmioRegister which, uint32_t value) {
  switch (which) {
    case MmioRegister::DeviceFeaturesSel: device_features_select_ = value; break;
    case MmioRegister::DriverFeaturesSel: driver_features_select_ = value; break;
    case MmioRegister::DriverFeatures: write_driver_features(value); break;
    case MmioRegister::QueueSel: queue_select_ = value; break;
    case MmioRegister::QueueNum: write_queue_size(value); break;
    case MmioRegister::QueueReady:
      if (value == 1) make_ready();
      if (value == 0) stop_queue(false);
      break;
    case MmioRegister::QueueNotify:
      if (value < kicks_.size()) kicks_[value].signal();
      break;
    case MmioRegister::InterruptACK: interrupt_status_ &= ~value; break;
    case MmioRegister::Status: write_status(value); break;
    case MmioRegister::QueueDescLow:
      write_queue_address(&QueueLayout::descriptor_table, value, 0);
      break;
    case MmioRegister::QueueDescHigh:
      write_queue_address(&QueueLayout::descriptor_table, value, 32);
      break;
    case MmioRegister::QueueDriverLow:
      write_queue_address(&QueueLayout::available_ring, value, 0);
      break;
    case MmioRegister::QueueDriverHigh:
      write_queue_address(&QueueLayout::available_ring, value, 32);
      break;
    case MmioRegister::QueueDeviceLow:
      write_queue_address(&QueueLayout::used_ring, value, 0);
      break;
    case MmioRegister::QueueDeviceHigh:
      write_queue_address(&QueueLayout::used_ring, value, 32);
      break;
    case MmioRegister::QueueReset:
      if (value == 1 && status_has(virtio::kFeaturesOk) &&
          (driver_features_ & virtio::kRingReset) != 0) {
        stop_queue(true);
      }
      break;
    default: break;
  }
}

void VirtioMmioTransport::read_config(uint64_t offset, std::span<std::byte> data) {
  const std::lock_guard lock(config_mutex_);
  if (offset > config_.size() || data.size() > config_.size() - offset) {
    std::ranges::fill(data, std::byte{0xff});
    return;
  }
  std::copy_n(config_.begin() + static_cast<ptrdiff_t>(offset), data.size(), data.begin());
}

void VirtioMmioTransport::write_config(uint64_t offset, std::span<const std::byte> data) {
  {
    const std::lock_guard lock(config_mutex_);
    if (offset > config_.size() || data.size() > config_.size() - offset) return;
  }
  const std::lock_guard lock(work_mutex_);
  device_.write_config(static_cast<uint32_t>(offset), data);
}

uint32_t VirtioMmioTransport::interrupt_status() const {
  uint32_t causes = interrupt_status_;
  // A backend interrupts through the eventfd and cannot reach this register. A driver that finds no
  // cause in it would take the interrupt for somebody else's, so there is always one; drivers look
  // at the rings anyway, and an interrupt too many is harmless (2.7.7.1).
  if (has_backend_ && status_has(virtio::kDriverOk)) {
    causes |= virtio::kUsedBuffer;
  }
  return causes;
}

// --- Negotiation (3.1.1)

void VirtioMmioTransport::write_driver_features(uint32_t value) {
  if (!status_has(virtio::kDriver) || status_has(virtio::kFeaturesOk)) return;
  if (driver_features_select_ < 2) {
    driver_features_ = with_half(driver_features_, value, 32 * driver_features_select_);
  } else if (value != 0) {
    driver_features_beyond_ = true;
  }
}

bool VirtioMmioTransport::accept_features() {
  const uint64_t unknown = driver_features_ & ~offered_;
  if (unknown != 0 || driver_features_beyond_) {
    log::guest(negotiation_log_, "{}: the driver chose features that were not offered, {:#x}",
               device_.name(), unknown);
    return false;
  }
  const bool is_protected = protection_ == Protection::Protected;
  const uint64_t required = virtio::kVersion1 | (is_protected ? virtio::kAccessPlatform : 0);
  const uint64_t missing = required & ~driver_features_;
  if (missing == 0) return true;
  if (!is_protected) {
    log::guest(negotiation_log_, "{}: the driver speaks the legacy protocol only, no VERSION_1",
               device_.name());
  } else {
    const bool legacy = (missing & virtio::kVersion1) != 0;
    give_sharing_hint(legacy ? "its driver does not accept VERSION_1"
                             : "its driver does not accept ACCESS_PLATFORM");
  }
  return false;
}

void VirtioMmioTransport::write_status(uint32_t value) {
  if (value == 0) return reset();
  const std::lock_guard lock(work_mutex_);
  const uint32_t old = status_;
  uint32_t status = virtio::status_after_write(old, value);
  if ((status & ~old & virtio::kFeaturesOk) != 0) {
    if (accept_features()) {
      features_ = driver_features_;
    } else {
      status = virtio::status_after_write(old, value & ~virtio::kFeaturesOk);
    }
  }
  status_ = status;
  if ((status & ~old & virtio::kDriverOk) != 0) {
    start_pending_ = true;
    started_.signal();
  }
}

void VirtioMmioTransport::reset() {
  const std::lock_guard lock(work_mutex_);
  start_pending_ = false;
  up_ = false;
  device_.stop();
  for (auto& queue : queues_) queue.reset();
  features_ = 0;
  {
    // Not between a look at the status and an interrupt of update_config().
    const std::lock_guard config_lock(config_mutex_);
    status_ = 0;
    interrupt_status_ = 0;
  }
  device_features_select_ = 0;
  driver_features_select_ = 0;
  driver_features_ = 0;
  driver_features_beyond_ = false;
  queue_select_ = 0;
  for (QueueRegisters& queue : queue_registers_) queue = {queue.max_size};
}

// --- Queues (4.2.3.2)

VirtioMmioTransport::QueueRegisters* VirtioMmioTransport::selected_queue() {
  return queue_select_ < queue_registers_.size() ? &queue_registers_[queue_select_] : nullptr;
}

// The selected queue while its size and addresses may be written: after the negotiation and before
// it is ready. Its memory was checked for what they were when it became ready.
VirtioMmioTransport::QueueRegisters* VirtioMmioTransport::queue_to_set_up() {
  QueueRegisters* const queue = selected_queue();
  if (queue == nullptr || queue->ready || !status_has(virtio::kFeaturesOk)) return nullptr;
  if ((status_ & (virtio::kNeedsReset | virtio::kFailed)) != 0) return nullptr;
  return queue;
}

void VirtioMmioTransport::write_queue_size(uint32_t value) {
  QueueRegisters* const queue = queue_to_set_up();
  if (queue == nullptr) return;
  const bool possible = std::has_single_bit(value) && value <= queue->max_size;
  queue->layout.size = possible ? static_cast<uint16_t>(value) : 0;
}

void VirtioMmioTransport::write_queue_address(GuestAddress QueueLayout::*part, uint32_t value,
                                              unsigned shift) {
  QueueRegisters* const queue = queue_to_set_up();
  if (queue == nullptr) return;
  GuestAddress& address = queue->layout.*part;
  address = GuestAddress(with_half(address.value(), value, shift));
}

void VirtioMmioTransport::make_ready() {
  QueueRegisters* const registers = queue_to_set_up();
  if (registers == nullptr) return;
  // Queues are made ready before DRIVER_OK; later only again, after a queue reset.
  if (status_has(virtio::kDriverOk) && (driver_features_ & virtio::kRingReset) == 0) return;
  if (registers->layout.size == 0) {
    log::guest(negotiation_log_, "{}: the driver gives queue {} no size, or one that cannot be",
               device_.name(), queue_select_);
    return;
  }
  const auto index = static_cast<uint16_t>(queue_select_);
  const std::lock_guard lock(work_mutex_);
  auto queue = Virtqueue::create(memory_, registers->layout, features_, next_epoch_++);
  if (!queue) return rings_refused(index, queue.error());
  queues_[index].emplace(std::move(*queue));
  registers->ready = true;
  if (up_) kicks_[index].signal();
}

void VirtioMmioTransport::stop_queue(bool forget_layout) {
  QueueRegisters* const registers = selected_queue();
  if (registers == nullptr) return;
  if (registers->ready) {
    const std::lock_guard lock(work_mutex_);
    device_.stop_queue(static_cast<uint16_t>(queue_select_));
    queues_[queue_select_].reset();
    registers->ready = false;
  }
  if (forget_layout) *registers = {registers->max_size};
}

}  // namespace redoubt
