// SPDX-License-Identifier: Apache-2.0
//
// The guest-physical map, compatible with QEMU's `virt` machine so that payloads built for that
// board run unchanged. All addresses stay below 1 TiB: EL2 shows a protected guest at most 40 bits
// of physical address.
//
//   0x0800_0000  GICv3 distributor       64 KiB
//   0x080a_0000  GICv3 redistributors    128 KiB for each vCPU (64 vCPUs: up to 0x088a_0000)
//   0x0900_0000  PL011 UART              4 KiB     SPI 1
//   0x0901_0000  PL031 RTC               4 KiB     SPI 2
//   0x0a00_0000  virtio-mmio             32 slots of 512 bytes, SPI 16 + slot
//   0x4000_0000  RAM                     memory.size
//      …         DMA window              right above RAM, at the next 2 MiB boundary
#pragma once

#include <cstdint>

#include "vmm/memory/guest_address.h"

namespace redoubt::memory_map {

inline constexpr GuestAddress kGicDistributor{0x0800'0000};
inline constexpr uint64_t kGicDistributorSize = 0x1'0000;
inline constexpr GuestAddress kGicRedistributors{0x080a'0000};
inline constexpr uint64_t kGicRedistributorSize = 0x2'0000;  // for each vCPU
inline constexpr uint32_t kMaxVcpus = 64;

inline constexpr GuestAddress kPl011{0x0900'0000};
inline constexpr uint64_t kPl011Size = 0x1000;
inline constexpr uint32_t kPl011Spi = 1;

inline constexpr GuestAddress kPl031{0x0901'0000};
inline constexpr uint64_t kPl031Size = 0x1000;
inline constexpr uint32_t kPl031Spi = 2;

inline constexpr GuestAddress kVirtioMmio{0x0a00'0000};
inline constexpr uint64_t kVirtioMmioSize = 0x200;  // for each slot
inline constexpr uint32_t kVirtioMmioFirstSpi = 16;
inline constexpr uint32_t kVirtioMmioSlots = 32;

inline constexpr GuestAddress kRam{0x4000'0000};
inline constexpr uint64_t kWindowAlignment = 0x20'0000;
inline constexpr GuestAddress kEnd{uint64_t{1} << 40};

// Interrupt ids the distributor implements: 32 of SGIs and PPIs, then the SPIs above, rounded up
// to a multiple of 32 as the GIC architecture wants it.
inline constexpr uint32_t kFirstSpiIntid = 32;
inline constexpr uint32_t kIntidCount = 96;

static_assert(kGicRedistributors.value() + kMaxVcpus * kGicRedistributorSize <= kPl011.value());
static_assert(kFirstSpiIntid + kVirtioMmioFirstSpi + kVirtioMmioSlots <= kIntidCount);

// The registers and the interrupt of virtio-mmio slot `slot`, below kVirtioMmioSlots.
[[nodiscard]] constexpr GuestRange virtio_mmio(uint32_t slot) {
  return {GuestAddress(kVirtioMmio.value() + slot * kVirtioMmioSize), kVirtioMmioSize};
}
[[nodiscard]] constexpr uint32_t virtio_mmio_spi(uint32_t slot) {
  return kVirtioMmioFirstSpi + slot;
}

// Where the DMA window starts for `ram_size` bytes of RAM.
[[nodiscard]] constexpr GuestAddress window_start(uint64_t ram_size) {
  const uint64_t ram_end = kRam.value() + ram_size;
  return GuestAddress((ram_end + kWindowAlignment - 1) / kWindowAlignment * kWindowAlignment);
}

}  // namespace redoubt::memory_map
