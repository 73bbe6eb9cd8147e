// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as the program of a hostile guest (tests/hostile/fuzz_input.h), against the VMM's own
// devices. Whatever it did, each device then serves an honest driver.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>

#include <spdlog/spdlog.h>

#include "tests/fuzz/last_input.h"
#include "tests/hostile/fuzz_input.h"
#include "tests/hostile/honest_requests.h"
#include "tests/hostile/native/native_machine.h"

using namespace redoubt::hostile;

namespace {

constexpr Interpreter::Limits kLimits = {.steps = 2000, .looks = 10, .all_looks = 200};

void check_works(NativeMachine& machine, const FuzzInput& input) {
  Program program(input.arena());
  // They may all have requests under way, with buffers where the others have theirs.
  for (unsigned device = 0; device < kDevices; ++device) {
    program.write(device, Register::Status, 0);
  }
  for (unsigned device = 0; device < kDevices; ++device) {
    if ((input.devices >> device & 1) != 0) expect_works(program, device);
  }
  const size_t before = machine.guest().told().size();
  machine.run(program.instructions());
  const auto told = std::span(machine.guest().told()).subspan(before);
  for (size_t i = 0; i < told.size(); ++i) {
    if (told[i] == program.expected()[i]) continue;
    std::fprintf(stderr, "a device does not work any more: answer %zu is %#lx, not %#lx\n", i,
                 told[i], *program.expected()[i]);
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  spdlog::set_level(spdlog::level::off);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const redoubt::LastInput last;
  last.set(data, size);
  const FuzzInput input = decode_fuzz_input(std::as_bytes(std::span(data, size)));
  NativeMachine machine({.is_protected = input.is_protected,
                         .arena = input.arena(),
                         .devices = input.devices,
                         .loop = NativeMachine::Options::Loop::Stepped});
  machine.run(input.instructions, kLimits);
  check_works(machine, input);
  return 0;
}
