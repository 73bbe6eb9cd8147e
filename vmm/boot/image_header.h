// SPDX-License-Identifier: Apache-2.0
//
// The header of an arm64 Linux Image (Documentation/arch/arm64/booting.rst, "Call the kernel
// image"): decoded here, judged by whoever places the kernel.
//
//   0x00 code0, code1            0x18 flags: 0 endianness, 2:1 page size, 3 placement
//   0x08 text_offset             0x20 reserved
//   0x10 image_size              0x38 magic "ARM\x64"
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace redoubt::boot {

enum class PageSize { Unspecified = 0, Size4K = 1, Size16K = 2, Size64K = 3 };
enum class Endianness { Little = 0, Big = 1 };

struct ImageHeader {
  static constexpr size_t kSize = 64;

  uint64_t text_offset;  // from a 2 MiB aligned base to the first byte
  uint64_t image_size;   // with bss, from the first byte; 0: not told (kernels before 3.17)
  PageSize page_size;
  Endianness endianness;

  // nullopt: these are not the first bytes of an arm64 Image.
  static std::optional<ImageHeader> parse(std::span<const std::byte> first_bytes);
};

}  // namespace redoubt::boot
