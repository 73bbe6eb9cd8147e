// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/image_header.h"

#include "vmm/boot/little_endian.h"

namespace redoubt::boot {
namespace {

constexpr uint32_t kMagic = 0x644d5241;  // "ARM\x64"
constexpr uint64_t kLegacyTextOffset = 0x80000;

}  // namespace

std::optional<ImageHeader> ImageHeader::parse(std::span<const std::byte> first_bytes) {
  if (first_bytes.size() < kSize) return std::nullopt;
  if (little_endian<uint32_t>(first_bytes, 0x38) != kMagic) return std::nullopt;

  ImageHeader header = {};
  header.text_offset = little_endian<uint64_t>(first_bytes, 0x08);
  header.image_size = little_endian<uint64_t>(first_bytes, 0x10);
  // "Where image_size is zero, text_offset can be assumed to be 0x80000": before 3.17 it could be
  // of either endianness, and there were no flags.
  if (header.image_size == 0) {
    header.text_offset = kLegacyTextOffset;
    return header;
  }
  const auto flags = little_endian<uint64_t>(first_bytes, 0x18);
  header.endianness = static_cast<Endianness>(flags & 1);
  header.page_size = static_cast<PageSize>((flags >> 1) & 3);
  return header;
}

}  // namespace redoubt::boot
