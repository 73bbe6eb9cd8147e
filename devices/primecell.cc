// SPDX-License-Identifier: Apache-2.0
#include "devices/primecell.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "vmm/base/log.h"
#include "vmm/fdt/phandles.h"

namespace redoubt::primecell {

namespace {

constexpr uint32_t kDesignerArm = 0x41;
constexpr std::array<uint32_t, 4> kPCellId = {0x0d, 0xf0, 0x05, 0xb1};

// Device-tree binding arm,gic-v3: type, number, flags.
constexpr uint32_t kInterruptTypeSpi = 0;
constexpr uint32_t kInterruptLevelHigh = 4;

}  // namespace

uint32_t identification(uint64_t offset, uint32_t part, uint32_t revision) {
  switch ((offset - kIdentificationOffset) / 4) {
    case 0: return part & 0xff;
    case 1: return (kDesignerArm & 0xf) << 4 | (part >> 8 & 0xf);
    case 2: return (revision & 0xf) << 4 | kDesignerArm >> 4;
    case 3: return 0;  // configuration
    default: return kPCellId[offset / 4 % kPCellId.size()];
  }
}

uint32_t register_value(std::span<const std::byte> data) {
  uint32_t value = 0;
  for (size_t i = 0; i < std::min(data.size(), sizeof(value)); ++i) {
    value |= std::to_integer<uint32_t>(data[i]) << (8 * i);
  }
  return value;
}

void answer(std::span<std::byte> data, uint32_t value) {
  for (std::byte& byte : data) {
    byte = static_cast<std::byte>(value & 0xff);
    value >>= 8;
  }
}

void describe(fdt::Node& parent, std::string_view name, GuestRange range, uint32_t spi,
              std::initializer_list<std::string_view> clock_names) {
  fdt::Node node = parent.child(fmt::format("{}@{:x}", name, range.start().value()));
  const std::string part = fmt::format("arm,{}", name);
  node.property_strings("compatible", {part, "arm,primecell"});
  node.property_u64("reg", {range.start().value(), range.size()});
  node.property_u32("interrupts", {kInterruptTypeSpi, spi, kInterruptLevelHigh});
  node.property_strings("clock-names", clock_names);
  node.property_u32("clocks", std::vector<uint32_t>(clock_names.size(), fdt::kApbClockPhandle));
}

}  // namespace redoubt::primecell
