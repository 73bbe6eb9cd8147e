// SPDX-License-Identifier: Apache-2.0
//
// A kernel with an EFI stub is a PE program too (PE Format, "Section Table"), and its section table
// knows what the arm64 Image header does not: how long the file has to be. Without it, an Image
// that was cut short on its way would boot, and die before it can say a word.
#pragma once

#include <cstdint>
#include <optional>

#include "vmm/boot/payload_file.h"

namespace redoubt::boot {

// The end of the last section in the file. nullopt: the file has no PE header.
[[nodiscard]] std::optional<uint64_t> length_by_pe_header(const PayloadFile& file);

}  // namespace redoubt::boot
