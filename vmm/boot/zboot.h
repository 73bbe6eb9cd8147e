// SPDX-License-Identifier: Apache-2.0
//
// EFI zboot images: a PE program that carries a packed kernel, laid out for boot loaders that do
// not run EFI programs (drivers/firmware/efi/libstub/zboot-header.S):
//
//   0x00 'MZ' 0 0                0x0c size of the packed kernel
//   0x04 "zimg"                  0x18 how it is packed, a C string of at most 32 bytes
//   0x08 offset of the packed kernel
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace redoubt::boot {

struct ZbootHeader {
  static constexpr size_t kSize = 64;

  uint64_t payload_offset;
  uint64_t payload_size;
  std::string compression;  // "gzip", "zstd", …; non-printing characters replaced

  // nullopt: these are not the first bytes of a zboot image. Offset and size are as the file has
  // them, unchecked.
  static std::optional<ZbootHeader> parse(std::span<const std::byte> first_bytes);
};

}  // namespace redoubt::boot
