// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/placement.h"

#include <algorithm>

namespace redoubt::boot {
namespace {

constexpr uint64_t kBlock = uint64_t{2} << 20;
constexpr uint64_t kLargestPage = uint64_t{64} << 10;
constexpr uint64_t kLowRam = uint64_t{3} << 30;

constexpr uint64_t align_down(uint64_t value, uint64_t alignment) {
  return value - value % alignment;
}

constexpr uint64_t align_up(uint64_t value, uint64_t alignment) {
  return align_down(value + alignment - 1, alignment);
}

// The RAM it takes when the payload ends at this offset: the device tree's block comes on top.
constexpr uint64_t ram_for(uint64_t payload_end) { return align_up(payload_end, kBlock) + kBlock; }

}  // namespace

Result<Placement, DoesNotFit> place(GuestRange ram, const PayloadSizes& sizes) {
  // Nothing that is refused here could ever fit, and none of the sums below wraps around.
  if (sizes.text_offset > kLowRam || sizes.kernel > kLowRam) {
    return Unexpected(DoesNotFit{PayloadPart::Kernel, std::nullopt});
  }
  if (sizes.initrd > kLowRam) return Unexpected(DoesNotFit{PayloadPart::Initrd, std::nullopt});

  // Offsets from the start of RAM.
  const uint64_t kernel_end = sizes.text_offset + sizes.kernel;
  const uint64_t payload_end =
      sizes.initrd == 0 ? kernel_end : align_up(kernel_end, kLargestPage) + sizes.initrd;
  const uint64_t low_size = std::min(ram.size(), kLowRam);
  if (ram_for(payload_end) > low_size) {
    DoesNotFit error = {PayloadPart::Initrd, std::nullopt};
    if (ram_for(kernel_end) > low_size) error.part = PayloadPart::Kernel;
    if (ram_for(payload_end) <= kLowRam) error.minimum_ram = ram_for(payload_end);
    return Unexpected(error);
  }

  const auto range = [&](uint64_t offset, uint64_t size) {
    return GuestRange(GuestAddress(ram.start().value() + offset), size);
  };
  const uint64_t device_tree = align_down(low_size, kBlock) - kBlock;
  Placement placement = {range(sizes.text_offset, sizes.kernel), std::nullopt,
                         range(device_tree, kBlock)};
  if (sizes.initrd != 0) {
    placement.initrd = range(align_down(device_tree - sizes.initrd, kLargestPage), sizes.initrd);
  }
  return placement;
}

}  // namespace redoubt::boot
