// SPDX-License-Identifier: Apache-2.0
//
// BlockConfig: the features a disk offers and its device configuration space (virtio 1.3, 5.2.3 and
// 5.2.4).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <linux/virtio_blk.h>

#include "devices/virtio/block/block_options.h"
#include "devices/virtio/block/image_file.h"

namespace redoubt {

class BlockConfig {
 public:
  static constexpr uint16_t kQueueSize = 256;

  BlockConfig(const BlockOptions& options, const ImageFile& image);

  [[nodiscard]] uint64_t features() const { return features_; }
  // As a driver reads it.
  [[nodiscard]] std::span<const std::byte> bytes() const;
  // In bytes.
  [[nodiscard]] uint64_t capacity() const;
  void set_capacity(uint64_t bytes);

 private:
  uint64_t features_;
  virtio_blk_config config_{};
};

// What VIRTIO_BLK_T_GET_ID answers: the serial, or one that is always the same for the same path,
// filled up with zeros. Throws SetupError if the serial is too long or not printable ASCII.
[[nodiscard]] std::array<std::byte, VIRTIO_BLK_ID_BYTES> block_id(const BlockOptions& options);

}  // namespace redoubt
