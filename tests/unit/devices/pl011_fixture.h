// SPDX-License-Identifier: Apache-2.0
//
// A UART for its tests, and the words of its manual.
#pragma once

#include <cstdint>

#include <gtest/gtest.h>

#include "devices/pl011.h"
#include "tests/unit/devices/fakes.h"

namespace redoubt {

// ARM DDI 0183G, table 3-1.
inline constexpr uint64_t kDr = 0x00;
inline constexpr uint64_t kRsr = 0x04;
inline constexpr uint64_t kFr = 0x18;
inline constexpr uint64_t kIlpr = 0x20;
inline constexpr uint64_t kIbrd = 0x24;
inline constexpr uint64_t kFbrd = 0x28;
inline constexpr uint64_t kLcrH = 0x2c;
inline constexpr uint64_t kCr = 0x30;
inline constexpr uint64_t kIfls = 0x34;
inline constexpr uint64_t kImsc = 0x38;
inline constexpr uint64_t kRis = 0x3c;
inline constexpr uint64_t kMis = 0x40;
inline constexpr uint64_t kIcr = 0x44;
inline constexpr uint64_t kDmacr = 0x48;

inline constexpr uint32_t kFifosOn = 0x70;    // UARTLCR_H: 8 bits, FEN
inline constexpr uint32_t kEnabled = 0x301;   // UARTCR: UARTEN, TXE, RXE
inline constexpr uint32_t kLoopback = 0x381;  // and LBE
inline constexpr uint32_t kRx = 1 << 4;       // interrupts
inline constexpr uint32_t kTx = 1 << 5;
inline constexpr uint32_t kRt = 1 << 6;
inline constexpr uint32_t kOe = 1 << 10;
inline constexpr uint32_t kRxfe = 1 << 4;  // UARTFR
inline constexpr uint32_t kTxff = 1 << 5;
inline constexpr uint32_t kRxff = 1 << 6;
inline constexpr uint32_t kTxfe = 1 << 7;
inline constexpr uint32_t kBusy = 1 << 3;

class Pl011Test : public ::testing::Test {
 protected:
  // As a driver that uses interrupts leaves it.
  void set_up_by_driver() {
    write32(uart, kLcrH, kFifosOn);
    write32(uart, kCr, kEnabled);
    write32(uart, kImsc, kRx | kRt);
  }
  uint32_t flags() { return read32(uart, kFr); }
  char get() { return static_cast<char>(read32(uart, kDr)); }

  FakeConsole console;
  FakeInterrupt interrupt;
  Pl011 uart{GuestRange(GuestAddress(0x0900'0000), 0x1000), 1, interrupt, console};
};

}  // namespace redoubt
