// SPDX-License-Identifier: Apache-2.0
//
// Whatever a guest does to the registers: no crash, no state that cannot be, no loop without end.
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <libfdt.h>

#include "devices/mmio_bus.h"
#include "devices/pl011.h"
#include "devices/pl031.h"
#include "tests/unit/devices/fakes.h"
#include "vmm/base/event_loop.h"
#include "vmm/fdt/fdt_writer.h"
#include "vmm/fdt/phandles.h"

namespace redoubt {
namespace {

constexpr GuestRange kUartRange{GuestAddress(0x0900'0000), 0x1000};
constexpr GuestRange kRtcRange{GuestAddress(0x0901'0000), 0x1000};

class EveryAccess : public ::testing::Test {
 protected:
  EveryAccess() {
    bus.add(kUartRange, uart);
    bus.add(kRtcRange, rtc);
    bus.seal();
  }

  EventLoop loop;
  FakeConsole console;
  FakeInterrupt interrupt;
  Pl011 uart{kUartRange, 1, interrupt, console};
  Pl031 rtc{kRtcRange, 2, interrupt, loop, [] { return int64_t{1000}; }};
  MmioBus bus;
};

TEST_F(EveryAccess, every_offset_and_width_of_both_devices_is_survived) {
  std::array<std::byte, 8> data{};
  for (const GuestRange range : {kUartRange, kRtcRange}) {
    for (uint64_t offset = 0; offset <= range.size(); ++offset) {
      for (const size_t size : {1u, 2u, 4u, 8u}) {
        const GuestAddress address(range.start().value() + offset);
        for (const std::byte fill : {std::byte{0xff}, std::byte{0}, std::byte{0xa5}}) {
          data.fill(fill);
          bus.write(address, std::span<const std::byte>(data).first(size));
          bus.read(address, std::span(data).first(size));
        }
        console.type("input");
      }
    }
  }
}

TEST_F(EveryAccess, upper_half_of_a_wide_read_is_zero) {
  for (MmioDevice* device : std::initializer_list<MmioDevice*>{&uart, &rtc}) {
    for (uint64_t offset = 0; offset + 8 <= 0x1000; offset += 4) {
      EXPECT_EQ(read_mmio(*device, offset, 8) >> 32, 0u) << offset;
    }
  }
}

// What an operation of a guest, or of a user, can be.
std::vector<std::function<void(Pl011&, FakeConsole&)>> uart_operations() {
  std::vector<std::function<void(Pl011&, FakeConsole&)>> operations;
  for (const uint64_t offset : {0x00U, 0x04U, 0x18U, 0x2cU, 0x30U, 0x34U, 0x38U, 0x44U}) {
    operations.emplace_back([=](Pl011& uart, FakeConsole&) { (void)read32(uart, offset); });
    for (const uint32_t value : {0u, 0xffff'ffffu, 0x10u, 0x301u}) {
      operations.emplace_back([=](Pl011& uart, FakeConsole&) { write32(uart, offset, value); });
    }
  }
  for (const size_t length : {1u, 40u}) {
    operations.emplace_back(
        [=](Pl011&, FakeConsole& console) { console.type(std::string(length, 'x')); });
  }
  return operations;
}

// Flags that contradict each other, or a FIFO that is not empty after reading it out.
void expect_consistent(Pl011& uart) {
  const uint32_t flags = read32(uart, 0x18);
  ASSERT_NE(flags & 0x50, 0x50u) << "full and empty";
  ASSERT_EQ(read32(uart, 0x40), read32(uart, 0x3c) & read32(uart, 0x38));
  for (int i = 0; i < 32 && (read32(uart, 0x18) & 0x10) == 0; ++i) (void)read32(uart, 0x00);
  ASSERT_EQ(read32(uart, 0x18) & 0x10, 0x10u);
  ASSERT_EQ(read32(uart, 0x3c) & 0x40, 0u);
}

TEST_F(EveryAccess, every_sequence_of_three_operations_leaves_the_uart_consistent) {
  const auto operations = uart_operations();
  for (const auto& first : operations) {
    for (const auto& second : operations) {
      for (const auto& third : operations) {
        console.output.clear();
        interrupt.changes.clear();
        Pl011 fresh(kUartRange, 1, interrupt, console);
        first(fresh, console);
        second(fresh, console);
        third(fresh, console);
        expect_consistent(fresh);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_F(EveryAccess, every_sequence_of_three_operations_leaves_the_clock_consistent) {
  std::vector<std::pair<uint64_t, uint32_t>> writes;
  for (uint64_t offset = 0; offset <= 0x20; offset += 4) {
    for (const uint32_t value : {0u, 1u, 1000u, 0xffff'ffffu}) writes.emplace_back(offset, value);
  }
  for (const auto& first : writes) {
    for (const auto& second : writes) {
      for (const auto& third : writes) {
        for (const auto& [offset, value] : {first, second, third}) write32(rtc, offset, value);
        ASSERT_EQ(read32(rtc, 0x18), read32(rtc, 0x14) & read32(rtc, 0x10));
        ASSERT_EQ(interrupt.high(), read32(rtc, 0x18) != 0);
      }
    }
  }
}

// --- Device tree

class Describe : public EveryAccess {
 protected:
  Describe() {
    fdt::Writer writer;
    {
      fdt::Node root = writer.root();
      bus.describe_all(root);
    }
    blob = writer.finish();
  }

  [[nodiscard]] std::string property(const char* path, const char* name) const {
    const int node = ::fdt_path_offset(blob.data(), path);
    int length = 0;
    const void* value = ::fdt_getprop(blob.data(), node, name, &length);
    if (value == nullptr) return "(none)";
    return {static_cast<const char*>(value), static_cast<size_t>(length)};
  }

  std::vector<std::byte> blob;
};

std::string cells(std::initializer_list<uint32_t> values) {
  std::string text;
  for (const uint32_t value : values) {
    for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift);
  }
  return text;
}

TEST_F(Describe, uart_has_the_node_that_linux_looks_for) {
  EXPECT_EQ(property("/pl011@9000000", "compatible"),
            std::string("arm,pl011\0arm,primecell\0", 24));
  EXPECT_EQ(property("/pl011@9000000", "reg"), cells({0, 0x0900'0000, 0, 0x1000}));
  EXPECT_EQ(property("/pl011@9000000", "interrupts"), cells({0, 1, 4}));
  EXPECT_EQ(property("/pl011@9000000", "clock-names"), std::string("uartclk\0apb_pclk\0", 17));
  EXPECT_EQ(property("/pl011@9000000", "clocks"),
            cells({fdt::kApbClockPhandle, fdt::kApbClockPhandle}));
}

TEST_F(Describe, clock_has_the_node_that_linux_looks_for) {
  EXPECT_EQ(property("/pl031@9010000", "compatible"),
            std::string("arm,pl031\0arm,primecell\0", 24));
  EXPECT_EQ(property("/pl031@9010000", "reg"), cells({0, 0x0901'0000, 0, 0x1000}));
  EXPECT_EQ(property("/pl031@9010000", "interrupts"), cells({0, 2, 4}));
  EXPECT_EQ(property("/pl031@9010000", "clock-names"), std::string("apb_pclk\0", 9));
  EXPECT_EQ(property("/pl031@9010000", "clocks"), cells({fdt::kApbClockPhandle}));
}

}  // namespace
}  // namespace redoubt
