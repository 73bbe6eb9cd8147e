// SPDX-License-Identifier: Apache-2.0
//
// Hostile programs as bytes of a fuzzer, and back: the first byte says which guest and which
// devices, then come instructions. Any bytes are such an input.
//
//   bit 7    the guest is not protected
//   bits 2-0 the one device there is; all of them, if it is no number of a device
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tests/hostile/program.h"

namespace redoubt::hostile {

struct FuzzInput {
  bool is_protected = true;
  uint32_t devices = (1u << kDevices) - 1;  // bits of Device
  std::vector<evil_instruction> instructions{};

  [[nodiscard]] uint64_t arena() const { return is_protected ? kWindowArena : kRamArena; }
};

[[nodiscard]] FuzzInput decode_fuzz_input(std::span<const std::byte> bytes);
// The first byte as given, whatever it is.
[[nodiscard]] std::vector<std::byte> encode_fuzz_input(
    uint8_t first, std::span<const evil_instruction> instructions);

}  // namespace redoubt::hostile
