// SPDX-License-Identifier: Apache-2.0
//
// Pl011: the Arm PrimeCell UART, revision r1p5 with 32-deep FIFOs (ARM DDI 0183G), on a line
// without a speed: what is written has been sent at once, and the receive timeout of 32 bit times
// is over as soon as a character is there. Modem lines say that the other end is ready. There is no
// DMA, no IrDA, no test mode. State is guarded by mutex().
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "devices/console/console_backend.h"
#include "devices/interrupt.h"
#include "devices/mmio_device.h"
#include "vmm/memory/guest_address.h"

namespace redoubt {

class Pl011 final : public MmioDevice {
 public:
  // `interrupt` and `console` must outlive the device. Made and destroyed on the loop thread or
  // while the loop is not running.
  Pl011(GuestRange range, uint32_t spi, LevelInterrupt& interrupt, ConsoleBackend& console);
  ~Pl011() override;

  void read(uint64_t offset, std::span<std::byte> data) override;
  void write(uint64_t offset, std::span<const std::byte> data) override;
  void describe(fdt::Node& parent) const override;

 private:
  static constexpr size_t kFifoDepth = 32;

  uint32_t read_register(uint64_t offset);
  void write_register(uint64_t offset, uint32_t value);
  uint32_t flags() const;
  uint32_t raw_interrupts() const;

  size_t receive(std::span<const std::byte> bytes);
  bool push(std::byte character);
  uint32_t pop();
  void transmit(std::byte character);
  void write_line_control(uint32_t value);
  bool listening() const;
  size_t fifo_depth() const;
  size_t trigger_level() const;
  void settle();

  // Constant after construction.
  const GuestRange range_;
  const uint32_t spi_;
  LevelInterrupt& interrupt_;
  ConsoleBackend& console_;

  // Guarded by mutex(). Registers that only remember what was written:
  uint32_t ilpr_ = 0;
  uint32_t ibrd_ = 0;
  uint32_t fbrd_ = 0;
  uint32_t dmacr_ = 0;
  // Registers that do something:
  uint32_t line_control_ = 0;
  uint32_t control_;
  uint32_t fifo_levels_;
  uint32_t mask_ = 0;
  uint32_t latched_ = 0;         // interrupts that stay until cleared or until their cause ends
  uint32_t receive_status_ = 0;  // UARTRSR
  // The receive FIFO: `count_` characters from `first_` on, around the end of the array.
  std::array<std::byte, kFifoDepth> fifo_{};
  size_t first_ = 0;
  size_t count_ = 0;
  bool overrun_ = false;
  // What the guest does with the UART, see listening().
  bool firmware_state_ = true;  // UARTCR was never written
  uint32_t idle_polls_ = 0;     // reads of UARTFR that found no character, since the last write
  bool refused_input_ = false;
  LevelInterrupt::Level level_ = LevelInterrupt::Level::Low;
};

}  // namespace redoubt
