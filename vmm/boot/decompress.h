// SPDX-License-Identifier: Apache-2.0
//
// Unpacks gzip (RFC 1952) and zstd (RFC 8878) streams out of a file. The stream is not trusted:
// its output goes piece by piece to a consumer, stops at a limit, and its checksums are checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "vmm/boot/payload_file.h"

namespace redoubt::boot {

enum class Compression { Gzip, Zstd };

[[nodiscard]] std::string_view name(Compression compression);
// By its magic number.
[[nodiscard]] std::optional<Compression> recognise(std::span<const std::byte> first_bytes);

// Where in a file the stream lies.
struct Extent {
  uint64_t offset;
  uint64_t size;
};

using Consumer = std::function<void(std::span<const std::byte>)>;

// Feeds everything that `extent` of `file` unpacks to into `consumer`, which may throw. Calls
// file.refuse() when the extent is not one stream, or several one after the other, from its first
// byte to its last, or when they unpack to more than `limit` bytes.
void decompress(const PayloadFile& file, Extent extent, Compression compression, uint64_t limit,
                const Consumer& consumer);

// The same into an anonymous file in memory.
[[nodiscard]] PayloadFile decompress_to_file(const PayloadFile& file, Extent extent,
                                             Compression compression, uint64_t limit);

}  // namespace redoubt::boot
