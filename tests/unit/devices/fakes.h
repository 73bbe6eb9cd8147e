// SPDX-License-Identifier: Apache-2.0
//
// What a device sees of the rest of the machine, for its tests.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "devices/console/console_backend.h"
#include "devices/interrupt.h"
#include "devices/mmio_device.h"

namespace redoubt {

class FakeInterrupt final : public LevelInterrupt {
 public:
  void set(Level level) override { changes.push_back(level); }
  [[nodiscard]] bool high() const { return !changes.empty() && changes.back() == Level::High; }

  std::vector<Level> changes;
};

// Remembers output; offers `typed` as a backend would.
class FakeConsole final : public ConsoleBackend {
 public:
  void write(std::span<const std::byte> bytes) noexcept override {
    for (const std::byte byte : bytes) output += std::to_integer<char>(byte);
  }
  void connect(Sink new_sink) override { sink = std::move(new_sink); }
  void input_wanted() noexcept override { ++times_wanted; }
  void flush() override {}

  // Offers text; returns how much of it was taken.
  size_t type(const std::string& text) { return sink(std::as_bytes(std::span(text))); }

  std::string output;
  Sink sink;
  int times_wanted = 0;
};

// Accesses of a guest, little-endian.
inline uint64_t read_mmio(MmioDevice& device, uint64_t offset, size_t size) {
  std::array<std::byte, 8> data{};
  device.read(offset, std::span(data).first(size));
  uint64_t value = 0;
  for (size_t i = 0; i < data.size(); ++i) value |= std::to_integer<uint64_t>(data[i]) << (8 * i);
  return value;
}

inline void write_mmio(MmioDevice& device, uint64_t offset, uint64_t value, size_t size) {
  std::array<std::byte, 8> data{};
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(value >> (8 * i));
  device.write(offset, std::span<const std::byte>(data).first(size));
}

inline uint32_t read32(MmioDevice& device, uint64_t offset) {
  return static_cast<uint32_t>(read_mmio(device, offset, 4));
}

inline void write32(MmioDevice& device, uint64_t offset, uint32_t value) {
  write_mmio(device, offset, value, 4);
}

}  // namespace redoubt
