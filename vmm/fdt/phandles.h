// SPDX-License-Identifier: Apache-2.0
//
// The phandles of the nodes that devices refer to. They are fixed, so that a device can describe
// itself without being told them; fdt::Writer::new_phandle() gives out the numbers behind them.
#pragma once

#include <cstdint>

namespace redoubt::fdt {

inline constexpr uint32_t kInterruptControllerPhandle = 1;
inline constexpr uint32_t kApbClockPhandle = 2;
// `memory-region` of a device that does DMA; the node exists only when there is a DMA window.
inline constexpr uint32_t kDmaWindowPhandle = 3;

inline constexpr uint32_t kFirstFreePhandle = 4;

}  // namespace redoubt::fdt
