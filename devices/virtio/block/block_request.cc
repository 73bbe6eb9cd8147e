// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/block/block_request.h"

#include <optional>

namespace redoubt {

namespace {

constexpr auto kIoError = BlockStatus::IoError;
constexpr auto kUnsupported = BlockStatus::Unsupported;

std::optional<BlockRequest::Kind> kind_of(uint32_t type) {
  switch (type) {
    case VIRTIO_BLK_T_IN: return BlockRequest::Kind::Read;
    case VIRTIO_BLK_T_OUT: return BlockRequest::Kind::Write;
    case VIRTIO_BLK_T_FLUSH: return BlockRequest::Kind::Flush;
    case VIRTIO_BLK_T_GET_ID: return BlockRequest::Kind::GetId;
    case VIRTIO_BLK_T_DISCARD: return BlockRequest::Kind::Discard;
    case VIRTIO_BLK_T_WRITE_ZEROES: return BlockRequest::Kind::WriteZeroes;
    default: return std::nullopt;
  }
}

// Whole sectors, all of them before `end`. No sum or product here can wrap around.
bool fits(uint64_t sector, uint64_t bytes, uint64_t end) {
  return bytes % BlockRequest::kSectorSize == 0 && sector <= end / BlockRequest::kSectorSize &&
         bytes <= end - sector * BlockRequest::kSectorSize;
}

}  // namespace

Result<BlockRequest, BlockStatus> BlockRequest::make(const virtio_blk_outhdr& header,
                                                     uint64_t readable, uint64_t writable,
                                                     const BlockLimits& limits) {
  const std::optional<Kind> kind = kind_of(header.type);
  if (!kind) return Unexpected(kUnsupported);
  BlockRequest request{.kind = *kind};
  switch (*kind) {
    case Kind::Read:
    case Kind::Write:
      if (*kind == Kind::Write && limits.readonly) return Unexpected(kIoError);
      request.length = *kind == Kind::Read ? writable : readable;
      if (!fits(header.sector, request.length, limits.end)) return Unexpected(kIoError);
      request.offset = header.sector * kSectorSize;
      break;
    case Kind::Flush: break;
    case Kind::GetId:
      if (writable != VIRTIO_BLK_ID_BYTES) return Unexpected(kIoError);
      break;
    case Kind::Discard:
    case Kind::WriteZeroes:
      if (!(*kind == Kind::Discard ? limits.discard : limits.write_zeroes)) {
        return Unexpected(kUnsupported);
      }
      // max_discard_seg and max_write_zeroes_seg are 1.
      if (readable != sizeof(virtio_blk_discard_write_zeroes)) return Unexpected(kIoError);
      break;
  }
  return request;
}

Result<void, BlockStatus> BlockRequest::set_range(const virtio_blk_discard_write_zeroes& range,
                                                  const BlockLimits& limits) {
  // 5.2.6.2: unknown flags, and UNMAP for a discard, are not supported.
  const uint32_t known = kind == Kind::WriteZeroes ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0;
  if ((range.flags & ~known) != 0) return Unexpected(kUnsupported);
  length = uint64_t{range.num_sectors} * kSectorSize;
  if (range.num_sectors > kMaxRangeSectors || !fits(range.sector, length, limits.end)) {
    return Unexpected(kIoError);
  }
  offset = range.sector * kSectorSize;
  unmap = range.flags != 0;
  return {};
}

}  // namespace redoubt
