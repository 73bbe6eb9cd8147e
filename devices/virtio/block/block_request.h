// SPDX-License-Identifier: Apache-2.0
//
// BlockRequest: what a driver wants of a disk (virtio 1.3, 5.2.6), checked against the disk as it
// is now. Numbers only; nothing here touches guest memory or the image.
#pragma once

#include <cstdint>
#include <string_view>

#include <linux/virtio_blk.h>

#include "vmm/base/result.h"

namespace redoubt {

// VIRTIO_BLK_S_*; a driver that asks for what cannot be is told so, and the disk goes on.
enum class BlockStatus : uint8_t {
  Ok = VIRTIO_BLK_S_OK,
  IoError = VIRTIO_BLK_S_IOERR,
  Unsupported = VIRTIO_BLK_S_UNSUPP,
};

// What a request is judged by. Read once for each request: the disk may grow while it is served.
struct BlockLimits {
  uint64_t end = 0;  // bytes of the image that are there, and that the driver knows of
  bool readonly = false;
  bool discard = false;       // VIRTIO_BLK_F_DISCARD was negotiated
  bool write_zeroes = false;  // VIRTIO_BLK_F_WRITE_ZEROES was
};

struct BlockRequest {
  enum class Kind { Read, Write, Flush, GetId, Discard, WriteZeroes };

  static constexpr uint32_t kSectorSize = 512;
  // Of one discard or write-zeroes request. The kernel is done with that much in bounded time.
  static constexpr uint32_t kMaxRangeSectors = 1U << 21;

  Kind kind;
  uint64_t offset = 0;  // bytes in the image; Read, Write, Discard and WriteZeroes
  uint64_t length = 0;  // bytes, multiple of a sector
  bool unmap = false;   // WriteZeroes: need not keep its room

  // `readable` and `writable` are the bytes of data: without the header, without the status.
  [[nodiscard]] static Result<BlockRequest, BlockStatus> make(const virtio_blk_outhdr& header,
                                                              uint64_t readable, uint64_t writable,
                                                              const BlockLimits& limits);
  // Adds the one range that Discard and WriteZeroes have as their data.
  [[nodiscard]] Result<void, BlockStatus> set_range(const virtio_blk_discard_write_zeroes& range,
                                                    const BlockLimits& limits);
};

}  // namespace redoubt
