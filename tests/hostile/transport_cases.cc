// SPDX-License-Identifier: Apache-2.0
//
// The registers in every order and width (virtio 1.3, 4.2.2), of every device.
#include "tests/hostile/honest_requests.h"
#include "tests/hostile/hostile_cases.h"

namespace redoubt::hostile {

namespace {

constexpr uint32_t kConfig = 0x100;
constexpr uint32_t kRegisters = EVIL_REGISTERS_SIZE;

void queue_select_beyond_the_last(Program& program) {
  for (unsigned device = 0; device < kDevices; ++device) {
    program.fresh(device);
    for (const uint32_t queue : {64u, 0xffffu, 0x10000u, ~0u}) {
      program.write(device, Register::QueueSel, queue)
          .tell(device, Register::QueueNumMax, 0)
          .tell(device, Register::QueueReady, 0);
      program.queue_parts(device, queue, 16, program.arena(), program.arena(), program.arena())
          .write(device, Register::QueueReset, 1)
          .write(device, Register::QueueReady, 0)
          .tell(device, Register::QueueReady, 0);
    }
    expect_up(program, device);
  }
}

void features_that_were_not_offered(Program& program) {
  for (unsigned device = 0; device < kDevices; ++device) {
    for (const uint32_t word : {0u, 1u, 2u, 3u}) {
      program.negotiate(device)
          .write(device, Register::Status, 0)
          .write(device, Register::Status, 3)
          .write(device, Register::DriverFeaturesSel, 1)
          .write(device, Register::DriverFeatures, 3)
          .write(device, Register::DriverFeaturesSel, word)
          .write(device, Register::DriverFeatures, ~0u)
          .write(device, Register::Status, 0x0b)
          .tell(device, Register::Status, 3)
          .write(device, Register::Status, 0x0f)
          .tell(device, Register::Status, 3);
    }
    expect_works(program, device);
  }
}

// VERSION_1, ACCESS_PLATFORM and RING_RESET; no packed ring, nothing from bit 64 on.
void features_offered_are_known_ones(Program& program) {
  for (unsigned device = 0; device < kDevices; ++device) {
    program.write(device, Register::DeviceFeaturesSel, 1)
        .tell(device, Register::DeviceFeatures, 0x103);
    for (const uint32_t word : {2u, 3u, ~0u}) {
      program.write(device, Register::DeviceFeaturesSel, word)
          .tell(device, Register::DeviceFeatures, 0);
    }
  }
}

void status_out_of_order(Program& program) {
  const auto write = [&program](uint32_t value, uint32_t becomes) {
    program.write(kEntropy, Register::Status, value).tell(kEntropy, Register::Status, becomes);
  };
  write(0, 0);
  write(4, 0);
  write(8, 0);
  write(1 | 4, 1);
  write(1 | 8, 1);
  write(1 | 2 | 4, 3);
  write(0xffff'ff00, 3);
  write(64, 3);
  write(1 | 2 | 8, 3);  // without VERSION_1
  program.negotiate(kEntropy);
  write(1, 0x0b);  // no bit is ever cleared
  write(1 | 2 | 4 | 8, 0x0f);
  write(2, 0x0f);
  write(128, 0x8f);
  write(0, 0);
  expect_works(program, kEntropy);
}

// Queues, kicks and DRIVER_OK before features are agreed on.
void queues_before_features(Program& program) {
  const uint64_t at = program.arena();
  program.share(0, EVIL_ARENA_PAGES);
  for (const uint32_t status : {0u, 1u, 3u}) {
    program.write(kDisk, Register::Status, 0).write(kDisk, Register::Status, status);
    program.queue_parts(kDisk, 0, 16, at, at + EVIL_AVAILABLE, at + EVIL_USED)
        .tell(kDisk, Register::QueueReady, 0)
        .kick(kDisk, 0)
        .tell(kDisk, Register::Status, status);
  }
  expect_works(program, kDisk);
}

void device_without_queues_is_kicked(Program& program) {
  for (unsigned device = 0; device < kDevices; ++device) {
    program.negotiate(device).write(device, Register::Status, 0x0f);
    for (uint32_t queue = 0; queue < EVIL_QUEUES; ++queue) program.kick(device, queue);
    expect_up(program, device);
  }
}

void access_every_register(Program& program, unsigned device, unsigned width) {
  program.fresh(device);
  for (uint32_t offset = 0; offset < kRegisters; offset += width) {
    const bool is_status = offset == static_cast<uint32_t>(Register::Status) && width == 4;
    program.read(device, offset, width);
    if (!is_status) program.write(device, offset, 0xffff'ffff, width);
  }
  expect_works(program, device);
}

// Every offset, read and written while the device is up. In all widths for one device: what is not
// a word does not get as far as the others.
void every_access(Program& program) {
  for (const unsigned width : {1u, 2u, 8u}) access_every_register(program, kDisk, width);
  for (unsigned device = 0; device < kDevices; ++device) access_every_register(program, device, 4);
}

void registers_read_in_words_only(Program& program) {
  program.tell_register(kDisk, 0, 4, 0x7472'6976)
      .tell_register(kDisk, 0, 1, 0)
      .tell_register(kDisk, 0, 2, 0)
      .tell_register(kDisk, 0, 8, 0)
      .tell_register(kDisk, 0x0c8, 4, 0);
}

void configuration_space_ends(Program& program) {
  program.tell_register(kEntropy, kConfig, 4, 0xffff'ffff)
      .tell_register(kEntropy, kRegisters - 4, 4, 0xffff'ffff)
      .tell_register(kVsock, kConfig, 8, 3)
      .tell_register(kVsock, kConfig + 8, 8, UINT64_MAX)
      .tell_register(kConsole, kConfig + 8, 8, UINT64_MAX)
      .tell_register(kDisk, kRegisters - 1, 1, 0xff);
  for (unsigned device = 0; device < kDevices; ++device) {
    for (uint32_t offset = kConfig; offset < kRegisters; ++offset) {
      program.write(device, offset, 0xa5a5'a5a5, 1);
    }
    expect_works(program, device);
  }
}

void interrupts_acknowledged_that_never_came(Program& program) {
  program.fresh(kEntropy)
      .write(kEntropy, Register::InterruptACK, ~0u)
      .tell(kEntropy, Register::InterruptStatus, 0);
  expect_up(program, kEntropy);
}

}  // namespace

std::span<const HostileCase> transport_cases() {
  static constexpr HostileCase kCases[] = {
      REDOUBT_HOSTILE(queue_select_beyond_the_last),
      REDOUBT_HOSTILE(features_that_were_not_offered),
      REDOUBT_HOSTILE(features_offered_are_known_ones),
      REDOUBT_HOSTILE(status_out_of_order),
      REDOUBT_HOSTILE(queues_before_features),
      REDOUBT_HOSTILE(device_without_queues_is_kicked),
      REDOUBT_HOSTILE(every_access),
      REDOUBT_HOSTILE(registers_read_in_words_only),
      REDOUBT_HOSTILE(configuration_space_ends),
      REDOUBT_HOSTILE(interrupts_acknowledged_that_never_came),
  };
  return kCases;
}

}  // namespace redoubt::hostile
