// SPDX-License-Identifier: Apache-2.0
//
// What the Arm PrimeCell peripherals have in common: 32-bit registers at word offsets, the eight
// identification registers at the end of a 4 KiB page, and the shape of their device-tree node.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

#include "vmm/fdt/fdt_writer.h"
#include "vmm/memory/guest_address.h"

namespace redoubt::primecell {

inline constexpr uint64_t kIdentificationOffset = 0xfe0;  // PeriphID0; up to PCellID3 at 0xffc

// The identification register at `offset`, in [kIdentificationOffset, 0x1000) and a multiple of 4,
// of the part numbered `part` by Arm Limited.
[[nodiscard]] uint32_t identification(uint64_t offset, uint32_t part, uint32_t revision);

// The value of a write to a register: its low 32 bits, a narrower one extended by zeros.
[[nodiscard]] uint32_t register_value(std::span<const std::byte> data);
// The answer to a read of a register: its low bytes, a wider read extended by zeros.
void answer(std::span<std::byte> data, uint32_t value);

// The node of a PrimeCell with a level-high interrupt, clocked by the APB clock.
void describe(fdt::Node& parent, std::string_view name, GuestRange range, uint32_t spi,
              std::initializer_list<std::string_view> clock_names);

}  // namespace redoubt::primecell
