// SPDX-License-Identifier: Apache-2.0
//
// Where the kernel, the initrd and the device tree go. Pure arithmetic, nothing is copied.
//
//   RAM start                                       low end: RAM end, or RAM start + 3 GiB
//   │                                                                      │
//   ├─ text_offset ─┬──────────────┬─────┬─ free ─┬────────┬───────────────┤
//   │               │ kernel       │ bss │        │ initrd │ device tree   │
//   │               └ entered here └─────┘        └ 64 KiB └ the last whole 2 MiB block
//
// - Kernel: at text_offset from a 2 MiB boundary (booting.rst, section 4), and as low as that.
// - Device tree: on 8 bytes, at most 2 MiB, within one 2 MiB block (section 2). It gets a block of
//   its own, so that its place is known before its length is; what is left of it stays free.
// - initrd: as high as it can be, so that a kernel may grow; on 64 KiB, the largest page size, so
//   that when the guest frees its pages they hold nothing else.
// - Low RAM: kernels that reach only 4 GiB by DMA, and the 32 GiB window around the Image in which
//   the initrd has to lie (section 4).
#pragma once

#include <cstdint>
#include <optional>

#include "vmm/base/result.h"
#include "vmm/memory/guest_address.h"

namespace redoubt::boot {

// In bytes, and nothing is assumed about them: they come from headers and file lengths.
struct PayloadSizes {
  uint64_t text_offset = 0;
  uint64_t kernel = 0;  // with bss; not 0
  uint64_t initrd = 0;  // 0: there is none
};

struct Placement {
  GuestRange kernel;  // with bss
  std::optional<GuestRange> initrd;
  GuestRange device_tree;  // the room for it
};

enum class PayloadPart { Kernel, Initrd };

struct DoesNotFit {
  PayloadPart part;  // the first that does not
  // The least RAM in which all parts fit; nullopt: no amount is enough.
  std::optional<uint64_t> minimum_ram;
};

// ram.start() is a multiple of 2 MiB.
[[nodiscard]] Result<Placement, DoesNotFit> place(GuestRange ram, const PayloadSizes& sizes);

}  // namespace redoubt::boot
