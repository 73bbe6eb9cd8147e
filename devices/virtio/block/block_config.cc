// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/block/block_config.h"

#include <algorithm>
#include <bit>
#include <string>

#include "devices/virtio/block/block_request.h"
#include "vmm/base/log.h"
#include "vmm/base/setup_error.h"

namespace redoubt {

namespace {

// Up to max_write_zeroes_seg and the rest of its group; what follows belongs to features that are
// not offered, and not every kernel's headers have it.
constexpr size_t kConfigSize = offsetof(virtio_blk_config, unused1) + 3;

constexpr uint64_t bit(unsigned number) { return uint64_t{1} << number; }

uint64_t features_of(const BlockOptions& options) {
  uint64_t features = bit(VIRTIO_BLK_F_SEG_MAX) | bit(VIRTIO_BLK_F_BLK_SIZE) |
                      bit(VIRTIO_BLK_F_TOPOLOGY) | bit(VIRTIO_BLK_F_FLUSH);
  if (options.queues > 1) features |= bit(VIRTIO_BLK_F_MQ);
  if (options.readonly) return features | bit(VIRTIO_BLK_F_RO);
  features |= bit(VIRTIO_BLK_F_WRITE_ZEROES);
  if (options.discard) features |= bit(VIRTIO_BLK_F_DISCARD);
  return features;
}

// FNV-1a, 64 bits.
uint64_t hash(const std::string& text) {
  uint64_t value = 0xcbf2'9ce4'8422'2325;
  for (const char character : text) {
    value = (value ^ static_cast<unsigned char>(character)) * 0x100'0000'01b3;
  }
  return value;
}

}  // namespace

BlockConfig::BlockConfig(const BlockOptions& options, const ImageFile& image)
    : features_(features_of(options)) {
  const uint32_t logical = image.logical_block_size();
  const uint32_t physical = image.physical_block_size();
  set_capacity(image.size());
  // The header and the status have a descriptor each. Larger requests than these descriptors can
  // hold in pages are served in pieces.
  config_.seg_max = kQueueSize - 2;
  config_.blk_size = logical;
  config_.physical_block_exp = static_cast<uint8_t>(std::countr_zero(physical / logical));
  config_.min_io_size = static_cast<uint16_t>(physical / logical);
  config_.num_queues = options.queues;
  if (options.readonly) return;
  config_.max_write_zeroes_sectors = BlockRequest::kMaxRangeSectors;
  config_.max_write_zeroes_seg = 1;
  if (!options.discard) return;
  config_.write_zeroes_may_unmap = 1;
  config_.max_discard_sectors = BlockRequest::kMaxRangeSectors;
  config_.max_discard_seg = 1;
  config_.discard_sector_alignment = physical / BlockRequest::kSectorSize;
}

std::span<const std::byte> BlockConfig::bytes() const {
  return std::as_bytes(std::span(&config_, 1)).first(kConfigSize);
}

uint64_t BlockConfig::capacity() const { return config_.capacity * BlockRequest::kSectorSize; }

void BlockConfig::set_capacity(uint64_t bytes) {
  config_.capacity = bytes / BlockRequest::kSectorSize;
}

std::array<std::byte, VIRTIO_BLK_ID_BYTES> block_id(const BlockOptions& options) {
  std::string serial = options.serial;
  if (serial.empty()) {
    const std::string path = std::filesystem::absolute(options.path).lexically_normal().string();
    serial = fmt::format("{:016x}", hash(path));
  }
  const bool printable = std::all_of(serial.begin(), serial.end(), [](char character) {
    return character >= ' ' && character <= '~';
  });
  if (serial.size() > VIRTIO_BLK_ID_BYTES || !printable) {
    throw SetupError(fmt::format("disk {}: the serial is not 1 to {} characters of ASCII",
                                 options.path.string(), VIRTIO_BLK_ID_BYTES),
                     ExitStatus::BadConfig, "shorten the disk's serial");
  }
  std::array<std::byte, VIRTIO_BLK_ID_BYTES> id{};
  std::ranges::copy(std::as_bytes(std::span(serial)), id.begin());
  return id;
}

}  // namespace redoubt
