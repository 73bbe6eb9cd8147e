// SPDX-License-Identifier: Apache-2.0
//
// Pl031: the Arm PrimeCell real-time clock (ARM DDI 0224C), which counts the host's seconds since
// 1970, plus what the guest sets it ahead by. It always runs: firmware has started it. An alarm is
// raised when the count reaches the match register, also when the host's clock is set past it.
// State is guarded by mutex().
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "devices/interrupt.h"
#include "devices/mmio_device.h"
#include "devices/timer_fd.h"
#include "vmm/base/event_loop.h"
#include "vmm/memory/guest_address.h"

namespace redoubt {

class Pl031 final : public MmioDevice {
 public:
  // Seconds since 1970. Called on vCPU threads and the loop thread, under mutex().
  using Clock = std::function<int64_t()>;

  // `interrupt` and `loop` must outlive the device. Made and destroyed on the loop thread or while
  // the loop is not running. Throws std::system_error.
  Pl031(GuestRange range, uint32_t spi, LevelInterrupt& interrupt, EventLoop& loop,
        Clock clock = host_clock);

  void read(uint64_t offset, std::span<std::byte> data) override;
  void write(uint64_t offset, std::span<const std::byte> data) override;
  void describe(fdt::Node& parent) const override;

 private:
  static int64_t host_clock();

  uint32_t read_register(uint64_t offset);
  void write_register(uint64_t offset, uint32_t value);
  uint32_t count() const;
  void set_alarm();
  void check_alarm();
  void settle();

  // Constant after construction.
  const GuestRange range_;
  const uint32_t spi_;
  LevelInterrupt& interrupt_;
  const Clock clock_;

  // Guarded by mutex().
  uint32_t ahead_ = 0;  // of the host's clock, modulo 2^32
  uint32_t match_ = 0;
  uint32_t load_ = 0;
  bool masked_ = true;
  bool raised_ = false;                // RTCRIS
  std::optional<int64_t> alarm_time_;  // by clock_; nothing once it was raised
  LevelInterrupt::Level level_ = LevelInterrupt::Level::Low;

  TimerFd timer_;  // at alarm_time_
  EventLoop::Watch timer_watch_;
};

}  // namespace redoubt
