// SPDX-License-Identifier: Apache-2.0
//
// What no console driver says (virtio 1.3, 5.3.6), and what nobody should ask the entropy device.
#include <initializer_list>

#include "devices/virtio/console/console_protocol.h"
#include "tests/hostile/honest_requests.h"
#include "tests/hostile/hostile_cases.h"

namespace redoubt::hostile {

namespace {

using virtio_console::Control;
using virtio_console::kControlReceiveQueue;
using virtio_console::kControlTransmitQueue;

constexpr uint32_t kReceiveQueue = 0;
constexpr uint32_t kTransmitQueue = 1;

void say_to_console(Program& program, const Control& message, uint32_t length = sizeof(Control)) {
  program.object(page(kHeaderPage), message)
      .descriptor(kControlTransmitQueue, 0, {page(kHeaderPage), length})
      .submit(kControlTransmitQueue)
      .kick(kConsole, kControlTransmitQueue)
      .until_used(kConsole, kControlTransmitQueue);
}

void control_messages_of_no_port(Program& program) {
  program.fresh(kConsole);
  uint32_t messages = 0;
  for (const uint32_t port : {1u, 31u, 32u, 0x8000'0000u, ~0u}) {
    for (const uint16_t event : std::initializer_list<uint16_t>{3, 6, 7}) {
      say_to_console(program, {port, event, 1});
      ++messages;
    }
  }
  program.tell_memory(page(kControlTransmitQueue) + EVIL_USED + 2, 2, messages);
  expect_up(program, kConsole);
}

void control_messages_that_do_not_exist(Program& program) {
  program.fresh(kConsole);
  for (const uint16_t event : std::initializer_list<uint16_t>{1, 2, 4, 5, 8, 0xffff})
    say_to_console(program, {0, event, 0xffff});
  expect_up(program, kConsole);
}

void control_messages_of_every_length(Program& program) {
  program.fresh(kConsole);
  for (const uint32_t length : {1u, 7u, 9u, 4096u}) say_to_console(program, {0, 0, 1}, length);
  expect_up(program, kConsole);
}

// DEVICE_READY a thousand times, and no buffer for what it is answered with.
void ports_announced_without_end(Program& program) {
  program.fresh(kConsole);
  const size_t begin = program.size();
  say_to_console(program, {0, 0, 1});
  say_to_console(program, {0, 3, 1});
  say_to_console(program, {0, 6, 1});
  program.loop(static_cast<uint32_t>(program.size() - begin), 150);
  expect_up(program, kConsole);
}

void control_buffers_of_one_byte(Program& program) {
  program.fresh(kConsole)
      .descriptor(kControlReceiveQueue, 0, {page(kDataPage), 1, kWrite})
      .submit(kControlReceiveQueue)
      .kick(kConsole, kControlReceiveQueue);
  say_to_console(program, {0, 0, 1});
  program.wait(kConsole, kAWhile);
  expect_works(program, kConsole);
}

void output_that_the_device_may_write(Program& program) {
  program.fresh(kConsole)
      .descriptor(kTransmitQueue, 0, {page(kDataPage), 100, kWrite})
      .submit(kTransmitQueue)
      .kick(kConsole, kTransmitQueue)
      .wait(kConsole, kAWhile);
  expect_works(program, kConsole);
}

void input_buffers_that_cannot_be_written(Program& program) {
  program.fresh(kConsole)
      .descriptor(kReceiveQueue, 0, {page(kDataPage), 100})
      .submit(kReceiveQueue)
      .kick(kConsole, kReceiveQueue)
      .wait(kConsole, kAWhile);
  expect_works(program, kConsole);
}

// 80 KiB in one buffer, four times over.
void output_in_large_pieces(Program& program) {
  constexpr uint32_t kPages = 20;
  program.fresh(kConsole)
      .descriptor(kTransmitQueue, 0, {page(kDataPage), kPages * EVIL_PAGE_SIZE})
      .submit(kTransmitQueue)
      .kick(kConsole, kTransmitQueue)
      .until_used(kConsole, kTransmitQueue)
      .loop(3, 3)
      .tell_memory(page(kTransmitQueue) + EVIL_USED + 2, 2, 4);
  expect_up(program, kConsole);
}

// --- Entropy

void more_entropy_than_a_request_gets(Program& program) {
  constexpr uint32_t kPages = 20;
  program.fresh(kEntropy)
      .descriptor(0, 0, {page(kDataPage), kPages * EVIL_PAGE_SIZE, kWrite})
      .submit(0)
      .kick(kEntropy, 0)
      .until_used(kEntropy, 0)
      .tell_memory(page(0) + EVIL_USED + 8, 4, 64 * 1024);
  expect_up(program, kEntropy);
}

void entropy_into_what_cannot_be_written(Program& program) {
  program.fresh(kEntropy)
      .descriptor(0, 0, {page(kDataPage), 64})
      .submit(0)
      .kick(kEntropy, 0)
      .until_used(kEntropy, 0)
      .tell_memory(page(0) + EVIL_USED + 8, 4, 0);
  expect_up(program, kEntropy);
}

}  // namespace

std::span<const HostileCase> console_cases() {
  static constexpr HostileCase kCases[] = {
      REDOUBT_HOSTILE(control_messages_of_no_port),
      REDOUBT_HOSTILE(control_messages_that_do_not_exist),
      REDOUBT_HOSTILE(control_messages_of_every_length),
      REDOUBT_HOSTILE(ports_announced_without_end),
      REDOUBT_HOSTILE(control_buffers_of_one_byte),
      REDOUBT_HOSTILE(output_that_the_device_may_write),
      REDOUBT_HOSTILE(input_buffers_that_cannot_be_written),
      REDOUBT_HOSTILE(output_in_large_pieces),
      REDOUBT_HOSTILE(more_entropy_than_a_request_gets),
      REDOUBT_HOSTILE(entropy_into_what_cannot_be_written),
  };
  return kCases;
}

}  // namespace redoubt::hostile
