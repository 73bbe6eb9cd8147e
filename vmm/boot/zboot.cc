// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/zboot.h"

#include "vmm/boot/little_endian.h"

namespace redoubt::boot {
namespace {

constexpr uint32_t kDosMagic = 0x00005a4d;    // "MZ"
constexpr uint32_t kZbootMagic = 0x676d697a;  // "zimg"
constexpr size_t kCompressionOffset = 0x18;
constexpr size_t kCompressionEnd = 0x38;

}  // namespace

std::optional<ZbootHeader> ZbootHeader::parse(std::span<const std::byte> first_bytes) {
  if (first_bytes.size() < kSize) return std::nullopt;
  if (little_endian<uint32_t>(first_bytes, 0x00) != kDosMagic) return std::nullopt;
  if (little_endian<uint32_t>(first_bytes, 0x04) != kZbootMagic) return std::nullopt;

  ZbootHeader header = {};
  header.payload_offset = little_endian<uint32_t>(first_bytes, 0x08);
  header.payload_size = little_endian<uint32_t>(first_bytes, 0x0c);
  for (size_t i = kCompressionOffset; i < kCompressionEnd; ++i) {
    const auto character = std::to_integer<char>(first_bytes[i]);
    if (character == '\0') break;
    const bool printable = character >= ' ' && character <= '~';
    header.compression += printable ? character : '?';
  }
  return header;
}

}  // namespace redoubt::boot
