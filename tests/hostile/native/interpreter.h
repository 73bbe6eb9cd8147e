// SPDX-License-Identifier: Apache-2.0
//
// Runs a program of evil_program.h against an MmioBus, with the meaning that evil.c gives it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "devices/mmio_bus.h"
#include "guest/bare-metal/evil_program.h"
#include "tests/hostile/native/guest_pages.h"
#include "tests/hostile/native/second_cpu.h"

namespace redoubt::hostile {

class Interpreter {
 public:
  struct Limits {
    uint64_t steps = EVIL_MOST_STEPS;  // instructions
    // Looks of one EVIL_WAIT or EVIL_UNTIL, and of all of them.
    uint32_t looks = EVIL_MOST_WAITS;
    uint64_t all_looks = UINT64_MAX;
  };

  // All outlive this. `between` is called after what may give a device something to do, and between
  // looks: with true if the last one was in vain.
  Interpreter(MmioBus& bus, GuestPages& pages, std::function<void(bool in_vain)> between);

  // One program after the other.
  void run(std::span<const evil_instruction> program, const Limits& limits);

  // By EVIL_TELL and EVIL_RECALL, in the order of telling.
  [[nodiscard]] const std::vector<uint64_t>& told() const { return told_; }
  // What had been told when EVIL_SAY said so.
  struct Said {
    uint32_t number;
    size_t told;
  };
  [[nodiscard]] const std::vector<Said>& said() const { return said_; }

 private:
  void execute(const evil_instruction& i);
  [[nodiscard]] uint64_t read_register(unsigned device, uint32_t offset, unsigned width);
  void write_register(unsigned device, uint32_t offset, unsigned width, uint64_t value);
  [[nodiscard]] uint32_t get(unsigned device, uint32_t offset) {
    return static_cast<uint32_t>(read_register(device, offset, 4));
  }
  void set(unsigned device, uint32_t offset, uint32_t value) {
    write_register(device, offset, 4, value);
  }
  void set_up(const evil_instruction& i);
  void submit(const evil_instruction& i);
  // Until done() is true, or the looks are over.
  void look(const evil_instruction& i, const std::function<bool()>& done);
  void wait(const evil_instruction& i);
  void wait_until_used(const evil_instruction& i);
  void call_hypervisor(uint32_t function, uint32_t page);
  void flip(const evil_instruction& i);
  void revoke(const evil_instruction& i);

  MmioBus& bus_;
  GuestPages& pages_;
  const std::function<void(bool)> between_;
  Limits limits_;  // what is left of them
  uint16_t queue_size_ = EVIL_MAX_QUEUE_SIZE;
  std::vector<uint64_t> told_;
  std::vector<Said> said_;
  SecondCpu second_;
};

}  // namespace redoubt::hostile
