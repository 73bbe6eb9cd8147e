// SPDX-License-Identifier: Apache-2.0
//
// The UART as a driver uses it: output, input, interrupts.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/devices/pl011_fixture.h"

namespace redoubt {
namespace {

// --- Output

TEST_F(Pl011Test, data_written_in_every_width_is_sent) {
  write_mmio(uart, kDr, 'a', 1);
  write_mmio(uart, kDr, 'b', 2);
  write_mmio(uart, kDr, 'c', 4);
  write_mmio(uart, kDr, 'd', 8);
  EXPECT_EQ(console.output, "abcd");
}

TEST_F(Pl011Test, only_the_low_byte_is_sent) {
  write32(uart, kDr, 0xffff'ff41);
  EXPECT_EQ(console.output, "A");
}

TEST_F(Pl011Test, output_works_before_any_set_up) {
  ASSERT_EQ(flags() & (kTxff | kBusy), 0u);
  write_mmio(uart, kDr, '!', 1);
  EXPECT_EQ(console.output, "!");
}

TEST_F(Pl011Test, transmitter_is_never_full_nor_busy) {
  for (int i = 0; i < 100'000; ++i) write_mmio(uart, kDr, 'x', 1);
  EXPECT_EQ(flags() & (kTxff | kBusy | kTxfe), kTxfe);
  EXPECT_EQ(console.output.size(), 100'000u);
}

TEST_F(Pl011Test, transmit_interrupt_is_raised_by_each_character) {
  set_up_by_driver();
  write32(uart, kImsc, kTx);
  ASSERT_FALSE(interrupt.high());

  write32(uart, kDr, 'a');

  EXPECT_EQ(read32(uart, kMis), kTx);
  EXPECT_TRUE(interrupt.high());
  write32(uart, kIcr, kTx);
  EXPECT_EQ(read32(uart, kRis), 0u);
  EXPECT_FALSE(interrupt.high());
  write32(uart, kDr, 'b');
  EXPECT_TRUE(interrupt.high());
}

TEST_F(Pl011Test, transmit_interrupt_waits_behind_its_mask) {
  write32(uart, kDr, 'a');
  EXPECT_EQ(read32(uart, kRis), kTx);
  EXPECT_EQ(read32(uart, kMis), 0u);
  EXPECT_FALSE(interrupt.high());

  write32(uart, kImsc, kTx);

  EXPECT_TRUE(interrupt.high());
  write32(uart, kImsc, 0);
  EXPECT_FALSE(interrupt.high());
}

// --- Input

TEST_F(Pl011Test, read_of_empty_fifo_is_zero_and_sets_rxfe) {
  set_up_by_driver();
  EXPECT_EQ(flags() & (kRxfe | kRxff), kRxfe);
  EXPECT_EQ(read32(uart, kDr), 0u);
  EXPECT_EQ(flags() & kRxfe, kRxfe);
}

TEST_F(Pl011Test, input_is_read_in_order_and_in_every_width) {
  set_up_by_driver();
  ASSERT_EQ(console.type("abcd"), 4u);

  EXPECT_EQ(flags() & kRxfe, 0u);
  EXPECT_EQ(read_mmio(uart, kDr, 1), 'a');
  EXPECT_EQ(read_mmio(uart, kDr, 2), 'b');
  EXPECT_EQ(read_mmio(uart, kDr, 4), 'c');
  EXPECT_EQ(read_mmio(uart, kDr, 8), 'd');
  EXPECT_EQ(flags() & kRxfe, kRxfe);
}

TEST_F(Pl011Test, character_above_127_is_not_taken_for_an_error) {
  set_up_by_driver();
  console.type("\xff");
  EXPECT_EQ(read32(uart, kDr), 0xffu);
}

TEST_F(Pl011Test, single_character_raises_the_receive_timeout_interrupt) {
  set_up_by_driver();

  console.type("a");

  EXPECT_EQ(read32(uart, kMis), kRt);
  EXPECT_TRUE(interrupt.high());
  get();
  EXPECT_EQ(read32(uart, kRis), 0u);
  EXPECT_FALSE(interrupt.high());
}

TEST_F(Pl011Test, timeout_interrupt_cannot_be_lost_by_clearing_it) {
  set_up_by_driver();
  console.type("ab");

  write32(uart, kIcr, 0x7ff);

  EXPECT_TRUE(interrupt.high());
  get();
  EXPECT_TRUE(interrupt.high());
  get();
  EXPECT_FALSE(interrupt.high());
}

TEST_F(Pl011Test, receive_interrupt_is_raised_at_the_level_and_falls_below_it) {
  set_up_by_driver();  // UARTIFLS after reset: one half of 32

  console.type(std::string(15, 'x'));
  EXPECT_EQ(read32(uart, kRis) & kRx, 0u);
  console.type("x");
  EXPECT_EQ(read32(uart, kRis) & kRx, kRx);

  get();
  EXPECT_EQ(read32(uart, kRis) & kRx, 0u);
}

TEST_F(Pl011Test, every_receive_level_is_what_the_manual_says) {
  set_up_by_driver();
  const uint32_t levels[] = {4, 8, 16, 24, 28, 28, 28, 28};
  for (uint32_t select = 0; select < 8; ++select) {
    write32(uart, kIfls, select << 3);
    console.type(std::string(levels[select] - 1, 'x'));
    EXPECT_EQ(read32(uart, kRis) & kRx, 0u) << select;
    console.type("x");
    EXPECT_EQ(read32(uart, kRis) & kRx, kRx) << select;
    while ((flags() & kRxfe) == 0) get();
  }
}

TEST_F(Pl011Test, receive_interrupt_can_be_cleared_by_hand) {
  set_up_by_driver();
  console.type(std::string(16, 'x'));
  write32(uart, kIcr, kRx);
  EXPECT_EQ(read32(uart, kRis), kRt);
}

TEST_F(Pl011Test, fifo_takes_32_characters_and_refuses_more) {
  set_up_by_driver();

  EXPECT_EQ(console.type(std::string(100, 'x')), 32u);

  EXPECT_EQ(flags() & (kRxfe | kRxff), kRxff);
  EXPECT_EQ(console.type("y"), 0u);
}

TEST_F(Pl011Test, with_the_fifos_off_there_is_room_for_one) {
  write32(uart, kCr, kEnabled);
  write32(uart, kImsc, kRx | kRt);

  EXPECT_EQ(console.type("ab"), 1u);

  EXPECT_EQ(flags() & kRxff, kRxff);
  EXPECT_EQ(read32(uart, kRis) & kRx, kRx);
  EXPECT_EQ(get(), 'a');
  EXPECT_EQ(read32(uart, kRis), 0u);
}

TEST_F(Pl011Test, turning_the_fifos_off_flushes_them) {
  set_up_by_driver();
  console.type(std::string(20, 'x'));

  write32(uart, kLcrH, kFifosOn & ~0x10u);

  EXPECT_EQ(flags() & (kRxfe | kRxff), kRxfe);
  EXPECT_EQ(read32(uart, kRis), 0u);
  EXPECT_FALSE(interrupt.high());
}

TEST_F(Pl011Test, turning_the_fifos_on_keeps_the_character_that_is_there) {
  write32(uart, kCr, kEnabled);
  write32(uart, kImsc, kRx | kRt);
  console.type("a");
  write32(uart, kLcrH, kFifosOn);
  EXPECT_EQ(get(), 'a');
}

TEST_F(Pl011Test, fifo_keeps_order_around_its_end) {
  set_up_by_driver();
  std::string sent;
  std::string got;
  for (int round = 0; round < 50; ++round) {
    const std::string text = {static_cast<char>('a' + round % 26),
                              static_cast<char>('A' + round % 26), '.'};
    ASSERT_EQ(console.type(text), 3u);
    sent += text;
    for (int i = 0; i < (round % 7 == 0 ? 9 : 3) && (flags() & kRxfe) == 0; ++i) got += get();
  }
  while ((flags() & kRxfe) == 0) got += get();
  EXPECT_EQ(got, sent);
}

// --- When input is wanted

TEST_F(Pl011Test, input_waits_until_the_driver_is_ready) {
  EXPECT_EQ(console.type("early"), 0u);
  write32(uart, kLcrH, kFifosOn);
  write32(uart, kCr, kEnabled);
  EXPECT_EQ(console.times_wanted, 0);

  write32(uart, kImsc, kRx | kRt);

  EXPECT_EQ(console.times_wanted, 1);
  EXPECT_EQ(console.type("early"), 5u);
}

TEST_F(Pl011Test, input_survives_the_way_linux_starts_a_port) {
  // The console of the kernel switches the UART on for each line, and start-up unmasks interrupts,
  // masks them again, enables the receiver and throws away what it finds.
  const auto print_line = [this] {
    const uint32_t control = read32(uart, kCr);
    write32(uart, kCr, control | 0x101);
    for (const char character : std::string("line")) {
      while ((flags() & kTxff) != 0) {
      }
      write32(uart, kDr, static_cast<uint8_t>(character));
    }
    while ((flags() & kBusy) != 0) {
    }
    write32(uart, kCr, control);
  };
  write32(uart, kLcrH, kFifosOn);
  size_t taken = console.type("input");
  print_line();
  taken += console.type("input");
  write32(uart, kIcr, 0x7d0);
  write32(uart, kImsc, kRx | kRt);
  taken += console.type("input");
  write32(uart, kImsc, 0);
  write32(uart, kIfls, 0x12);
  write32(uart, kCr, kEnabled);
  taken += console.type("input");
  flags();
  write32(uart, kIcr, kRx | kRt);
  flags();
  taken += console.type("input");

  write32(uart, kImsc, kRx | kRt);

  EXPECT_EQ(taken, 0u);
  EXPECT_EQ(console.times_wanted, 1);
  EXPECT_EQ(console.type("input"), 5u);
}

TEST_F(Pl011Test, guest_that_polls_without_any_set_up_gets_input) {
  EXPECT_EQ(console.type("a"), 0u);
  for (int i = 0; i < 100 && console.times_wanted == 0; ++i) flags();

  ASSERT_EQ(console.times_wanted, 1);
  EXPECT_EQ(console.type("a"), 1u);
  EXPECT_EQ(flags() & kRxfe, 0u);
  EXPECT_EQ(get(), 'a');
}

TEST_F(Pl011Test, guest_that_unmasks_without_enabling_the_uart_gets_input) {
  write32(uart, kImsc, kRx);
  EXPECT_EQ(console.type("a"), 1u);
  EXPECT_TRUE(interrupt.high());
}

TEST_F(Pl011Test, polling_for_room_to_write_is_not_polling_for_input) {
  console.type("early");
  for (int i = 0; i < 1000; ++i) {
    flags();
    write32(uart, kDr, 'x');
    flags();
  }
  EXPECT_EQ(console.times_wanted, 0);
}

TEST_F(Pl011Test, disabled_receiver_takes_nothing) {
  set_up_by_driver();
  write32(uart, kCr, kEnabled & ~0x200u);
  EXPECT_EQ(console.type("a"), 0u);
  write32(uart, kCr, kEnabled);
  EXPECT_EQ(console.times_wanted, 1);
}

TEST_F(Pl011Test, refused_input_is_asked_for_once_there_is_less_than_the_receive_level) {
  set_up_by_driver();
  console.type(std::string(33, 'x'));
  for (int i = 0; i < 16; ++i) get();
  EXPECT_EQ(console.times_wanted, 0);

  get();

  EXPECT_EQ(console.times_wanted, 1);
  get();
  EXPECT_EQ(console.times_wanted, 1);
}

TEST_F(Pl011Test, input_that_was_taken_is_not_asked_for_again) {
  set_up_by_driver();
  console.type("abc");
  for (int i = 0; i < 3; ++i) get();
  EXPECT_EQ(console.times_wanted, 0);
}

TEST_F(Pl011Test, guest_that_is_gone_takes_no_input) {
  FakeConsole other;
  { Pl011 short_lived(GuestRange(GuestAddress(0), 0x1000), 1, interrupt, other); }
  EXPECT_FALSE(other.sink);
}

// --- The interrupt line

TEST_F(Pl011Test, interrupt_line_is_touched_only_when_it_changes) {
  set_up_by_driver();
  for (int i = 0; i < 10; ++i) console.type("x");
  for (int i = 0; i < 10; ++i) get();
  EXPECT_EQ(interrupt.changes,
            (std::vector{LevelInterrupt::Level::High, LevelInterrupt::Level::Low}));
}

}  // namespace
}  // namespace redoubt
