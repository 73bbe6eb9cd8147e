// SPDX-License-Identifier: Apache-2.0
//
// The registers of the UART one by one, and its loopback mode.
#include <utility>

#include <gtest/gtest.h>

#include "tests/unit/devices/pl011_fixture.h"

namespace redoubt {
namespace {

// --- Registers

TEST_F(Pl011Test, registers_have_their_reset_values) {
  EXPECT_EQ(read32(uart, kRsr), 0u);
  EXPECT_EQ(flags() & 0xf8, kTxfe | kRxfe);
  EXPECT_EQ(read32(uart, kIlpr), 0u);
  EXPECT_EQ(read32(uart, kIbrd), 0u);
  EXPECT_EQ(read32(uart, kFbrd), 0u);
  EXPECT_EQ(read32(uart, kLcrH), 0u);
  EXPECT_EQ(read32(uart, kCr), 0x300u);
  EXPECT_EQ(read32(uart, kIfls), 0x12u);
  EXPECT_EQ(read32(uart, kImsc), 0u);
  EXPECT_EQ(read32(uart, kRis), 0u);
  EXPECT_EQ(read32(uart, kMis), 0u);
  EXPECT_EQ(read32(uart, kDmacr), 0u);
}

TEST_F(Pl011Test, registers_keep_the_bits_that_exist) {
  for (const auto& [offset, bits] : {std::pair{kIlpr, 0xffu},
                                     {kIbrd, 0xffffu},
                                     {kFbrd, 0x3fu},
                                     {kLcrH, 0xffu},
                                     {kCr, 0xff87u},
                                     {kIfls, 0x3fu},
                                     {kImsc, 0x7ffu},
                                     {kDmacr, 0x7u}}) {
    write32(uart, offset, 0xffff'ffff);
    EXPECT_EQ(read32(uart, offset), bits) << offset;
  }
}

TEST_F(Pl011Test, read_only_registers_ignore_writes) {
  for (const uint64_t offset : {kFr, kRis, kMis}) {
    const uint32_t before = read32(uart, offset);
    write32(uart, offset, ~before);
    EXPECT_EQ(read32(uart, offset), before) << offset;
  }
}

TEST_F(Pl011Test, modem_lines_say_that_the_other_end_is_ready) {
  EXPECT_EQ(flags() & 0x107, 0x7u);  // CTS, DSR and DCD, no RI
}

TEST_F(Pl011Test, identification_is_that_of_an_arm_pl011_r1p5) {
  const uint32_t expected[] = {0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
  for (uint64_t i = 0; i < 8; ++i) {
    EXPECT_EQ(read32(uart, 0xfe0 + 4 * i), expected[i]) << i;
    EXPECT_EQ(read_mmio(uart, 0xfe0 + 4 * i, 1), expected[i]) << i;
  }
}

TEST_F(Pl011Test, narrow_write_is_extended_by_zeros) {
  write32(uart, kIbrd, 0x1234);
  write_mmio(uart, kIbrd, 0x56, 1);
  EXPECT_EQ(read32(uart, kIbrd), 0x56u);
}

TEST_F(Pl011Test, wide_access_is_one_to_the_register_alone) {
  write_mmio(uart, kIbrd, 0xffff'ffff'0000'1234, 8);
  EXPECT_EQ(read_mmio(uart, kIbrd, 8), 0x1234u);
  EXPECT_EQ(read32(uart, kFbrd), 0u);
}

TEST_F(Pl011Test, access_between_registers_does_nothing) {
  set_up_by_driver();
  console.type("a");
  EXPECT_EQ(read_mmio(uart, kDr + 1, 1), 0u);
  EXPECT_EQ(read_mmio(uart, kDr + 2, 2), 0u);
  write_mmio(uart, kDr + 1, 'x', 1);
  EXPECT_EQ(console.output, "");
  EXPECT_EQ(get(), 'a');
}

// --- Loopback

TEST_F(Pl011Test, loopback_brings_output_back_and_sends_nothing) {
  write32(uart, kLcrH, kFifosOn);
  write32(uart, kCr, kLoopback);
  write32(uart, kDr, 'l');
  EXPECT_EQ(console.output, "");
  EXPECT_EQ(get(), 'l');
}

TEST_F(Pl011Test, loopback_takes_no_input_from_outside) {
  set_up_by_driver();
  write32(uart, kCr, kLoopback);
  EXPECT_EQ(console.type("a"), 0u);
}

TEST_F(Pl011Test, loopback_overrun_is_reported) {
  write32(uart, kLcrH, kFifosOn);
  write32(uart, kCr, kLoopback);
  for (int i = 0; i < 33; ++i) write32(uart, kDr, static_cast<uint32_t>(i));

  EXPECT_EQ(read32(uart, kRis) & kOe, kOe);
  EXPECT_EQ(read32(uart, kRsr), 0x8u);
  EXPECT_EQ(read32(uart, kDr), 0x800u);
  EXPECT_EQ(read32(uart, kDr), 1u);
  write32(uart, kRsr, 0);
  EXPECT_EQ(read32(uart, kRsr), 0u);
  write32(uart, kIcr, kOe);
  EXPECT_EQ(read32(uart, kRis) & kOe, 0u);
}

TEST_F(Pl011Test, loopback_connects_the_modem_lines) {
  write32(uart, kCr, kLoopback);
  EXPECT_EQ(flags() & 0x107, 0u);
  write32(uart, kCr, kLoopback | 0x3c00);  // OUT2, OUT1, RTS, DTR
  EXPECT_EQ(flags() & 0x107, 0x107u);
}

}  // namespace
}  // namespace redoubt
