// SPDX-License-Identifier: Apache-2.0
//
// What can be chosen about a virtio block device.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace redoubt {

struct BlockOptions {
  std::filesystem::path path{};  // a raw image or a block device; no format is ever guessed
  bool readonly = false;
  bool direct = false;   // O_DIRECT: past the host's page cache
  bool discard = true;   // the guest's discards make holes in the image
  std::string serial{};  // up to 20 bytes of ASCII; by default made from the path
  uint16_t queues = 1;   // 1 to 64

  bool operator==(const BlockOptions&) const = default;
};

}  // namespace redoubt
