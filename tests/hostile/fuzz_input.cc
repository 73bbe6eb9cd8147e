// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/fuzz_input.h"

#include <algorithm>
#include <cstring>

namespace redoubt::hostile {

namespace {

constexpr uint8_t kUnprotected = 0x80;
constexpr uint8_t kDeviceMask = 0x07;

}  // namespace

FuzzInput decode_fuzz_input(std::span<const std::byte> bytes) {
  FuzzInput input;
  if (bytes.empty()) return input;
  const auto first = std::to_integer<uint8_t>(bytes.front());
  input.is_protected = (first & kUnprotected) == 0;
  const unsigned device = first & kDeviceMask;
  if (device < kDevices) input.devices = 1u << device;
  const std::span<const std::byte> rest = bytes.subspan(1);
  input.instructions.resize(rest.size() / sizeof(evil_instruction));
  if (input.instructions.empty()) return input;
  std::memcpy(input.instructions.data(), rest.data(),
              input.instructions.size() * sizeof(evil_instruction));
  return input;
}

std::vector<std::byte> encode_fuzz_input(uint8_t first,
                                         std::span<const evil_instruction> instructions) {
  const auto rest = std::as_bytes(instructions);
  std::vector<std::byte> bytes(1 + rest.size());
  bytes.front() = std::byte{first};
  std::ranges::copy(rest, bytes.begin() + 1);
  return bytes;
}

}  // namespace redoubt::hostile
