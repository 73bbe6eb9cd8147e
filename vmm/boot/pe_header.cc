// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/pe_header.h"

#include <algorithm>
#include <array>

#include "vmm/boot/little_endian.h"

namespace redoubt::boot {
namespace {

constexpr uint64_t kPeOffsetField = 0x3c;  // in the DOS header, and in the Image's (res5)
constexpr uint32_t kPeMagic = 0x00004550;  // "PE\0\0"
constexpr size_t kPeHeaderSize = 24;       // magic and COFF header; the optional header follows
constexpr size_t kSectionSize = 40;
constexpr uint32_t kMostSections = 96;  // "the Windows loader limits the number of sections to 96"

}  // namespace

std::optional<uint64_t> length_by_pe_header(const PayloadFile& file) {
  std::array<std::byte, 4> field = {};
  if (file.read(kPeOffsetField, field) != field.size()) return std::nullopt;
  const uint64_t pe_header = little_endian<uint32_t>(field, 0);
  std::array<std::byte, kPeHeaderSize> header = {};
  if (file.read(pe_header, header) != header.size()) return std::nullopt;
  if (little_endian<uint32_t>(header, 0) != kPeMagic) return std::nullopt;

  const uint32_t sections = std::min<uint32_t>(little_endian<uint16_t>(header, 6), kMostSections);
  const uint64_t table = pe_header + kPeHeaderSize + little_endian<uint16_t>(header, 20);
  uint64_t length = table + uint64_t{sections} * kSectionSize;
  for (uint32_t i = 0; i < sections; ++i) {
    std::array<std::byte, kSectionSize> section = {};
    if (file.read(table + uint64_t{i} * kSectionSize, section) != section.size()) break;
    const uint64_t raw_size = little_endian<uint32_t>(section, 16);
    const uint64_t raw_offset = little_endian<uint32_t>(section, 20);
    if (raw_size != 0) length = std::max(length, raw_offset + raw_size);
  }
  return length;
}

}  // namespace redoubt::boot
