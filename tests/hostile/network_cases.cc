// SPDX-License-Identifier: Apache-2.0
//
// Frames that no network takes (virtio 1.3, 5.1.6). What becomes of them is told by their buffer
// alone, which comes back: a frame may be dropped, the device goes on.
#include "devices/virtio/net/net_header.h"
#include "tests/hostile/honest_requests.h"
#include "tests/hostile/hostile_cases.h"

namespace redoubt::hostile {

namespace {

constexpr uint32_t kReceiveQueue = 0;
constexpr uint32_t kTransmitQueue = 1;
constexpr uint32_t kHeaderSize = sizeof(NetHeader);

// One frame of `length` bytes behind its header.
void send(Program& program, const NetHeader& header, uint32_t length) {
  program.fresh(kNetwork)
      .object(page(kHeaderPage), header)
      .descriptor(kTransmitQueue, 0, {page(kHeaderPage), kHeaderSize + length})
      .submit(kTransmitQueue)
      .kick(kNetwork, kTransmitQueue)
      .until_used(kNetwork, kTransmitQueue);
}

void send_and_go_on(Program& program, const NetHeader& header, uint32_t length) {
  send(program, header, length);
  program.tell_memory(page(kTransmitQueue) + EVIL_USED + 2, 2, 1)
      .tell(kNetwork, Register::Status, kUp);
}

void frames_too_short_for_ethernet(Program& program) {
  for (const uint32_t length : {0u, 1u, 6u, 13u, 14u, 15u, 64u}) {
    send_and_go_on(program, {}, length);
  }
  expect_works(program, kNetwork);
}

void buffers_too_short_for_the_header(Program& program) {
  for (const uint32_t length : {1u, 10u, 11u}) {
    program.fresh(kNetwork)
        .descriptor(kTransmitQueue, 0, {page(kHeaderPage), length})
        .submit(kTransmitQueue)
        .kick(kNetwork, kTransmitQueue)
        .until_used(kNetwork, kTransmitQueue);
    expect_failed(program, kNetwork);
  }
}

void frames_longer_than_any(Program& program) {
  for (const uint32_t length : {kMaxFrame + 1, kMaxFrame + 4096, 80000u}) {
    send_and_go_on(program, {}, length);
  }
  expect_works(program, kNetwork);
}

void frame_that_the_device_may_write(Program& program) {
  program.fresh(kNetwork)
      .descriptor(kTransmitQueue, 0, {page(kHeaderPage), 100, kWrite})
      .submit(kTransmitQueue)
      .kick(kNetwork, kTransmitQueue)
      .until_used(kNetwork, kTransmitQueue);
  expect_failed(program, kNetwork);
}

void checksums_beyond_the_frame(Program& program) {
  for (const uint16_t start : {uint16_t{0}, uint16_t{59}, uint16_t{60}, uint16_t{0xffff}}) {
    for (const uint16_t offset : {uint16_t{0}, uint16_t{16}, uint16_t{0xffff}}) {
      send_and_go_on(program,
                     {.flags = NetHeader::kNeedsCsum, .csum_start = start, .csum_offset = offset},
                     60);
    }
  }
  expect_works(program, kNetwork);
}

void segments_that_cannot_be(Program& program) {
  for (const uint8_t type : {uint8_t{1}, uint8_t{2}, uint8_t{3}, uint8_t{4}, uint8_t{5},
                             uint8_t{0x80}, uint8_t{0x81}, uint8_t{0xff}}) {
    for (const uint16_t size : {uint16_t{0}, uint16_t{1}, uint16_t{0xffff}}) {
      send_and_go_on(program,
                     {.flags = NetHeader::kNeedsCsum,
                      .gso_type = type,
                      .hdr_len = 0xffff,
                      .gso_size = size,
                      .csum_start = 34,
                      .csum_offset = 16},
                     1000);
    }
  }
  expect_works(program, kNetwork);
}

void header_that_changes_while_it_is_sent(Program& program) {
  send(program, {.flags = NetHeader::kNeedsCsum, .csum_start = 34, .csum_offset = 16}, 200);
  program.flip(page(kHeaderPage) + 4, 0xffff'ffff)
      .submit(kTransmitQueue)
      .kick(kNetwork, kTransmitQueue)
      .until_used(kNetwork, kTransmitQueue)
      .loop(3, 300)
      .flip(0, 0);
  expect_up(program, kNetwork);
}

// Nothing comes, or what was sent comes back; neither fits.
void receive_buffers_of_one_byte(Program& program) {
  program.fresh(kNetwork);
  for (uint32_t head = 0; head < EVIL_MAX_QUEUE_SIZE; ++head) {
    program.descriptor(kReceiveQueue, head, {page(kDataPage) + head, 1, kWrite})
        .submit(kReceiveQueue, head);
  }
  program.kick(kNetwork, kReceiveQueue)
      .object(page(kHeaderPage), NetHeader{})
      .descriptor(kTransmitQueue, 0, {page(kHeaderPage), kHeaderSize + 1000})
      .submit(kTransmitQueue)
      .kick(kNetwork, kTransmitQueue)
      .until_used(kNetwork, kTransmitQueue)
      .loop(3, 200);
  expect_works(program, kNetwork);
}

void receive_buffers_that_cannot_be_written(Program& program) {
  program.fresh(kNetwork)
      .descriptor(kReceiveQueue, 0, {page(kDataPage), 2000})
      .submit(kReceiveQueue)
      .kick(kNetwork, kReceiveQueue);
  program.object(page(kHeaderPage), NetHeader{})
      .descriptor(kTransmitQueue, 0, {page(kHeaderPage), kHeaderSize + 100})
      .submit(kTransmitQueue)
      .kick(kNetwork, kTransmitQueue)
      .wait(kNetwork, kAWhile);
  expect_works(program, kNetwork);
}

void frames_without_end(Program& program) {
  program.fresh(kNetwork).object(page(kHeaderPage), NetHeader{});
  for (uint32_t head = 0; head < EVIL_MAX_QUEUE_SIZE; ++head) {
    program.descriptor(kTransmitQueue, head, {page(kHeaderPage), kHeaderSize + 1500});
  }
  for (uint32_t head = 0; head < EVIL_MAX_QUEUE_SIZE; ++head) program.submit(kTransmitQueue, head);
  program.kick(kNetwork, kTransmitQueue)
      .until_used(kNetwork, kTransmitQueue)
      .loop(EVIL_MAX_QUEUE_SIZE + 2, 30);
  expect_up(program, kNetwork);
}

}  // namespace

std::span<const HostileCase> network_cases() {
  static constexpr HostileCase kCases[] = {
      REDOUBT_HOSTILE(frames_too_short_for_ethernet),
      REDOUBT_HOSTILE(buffers_too_short_for_the_header),
      REDOUBT_HOSTILE(frames_longer_than_any),
      REDOUBT_HOSTILE(frame_that_the_device_may_write),
      REDOUBT_HOSTILE(checksums_beyond_the_frame),
      REDOUBT_HOSTILE(segments_that_cannot_be),
      REDOUBT_HOSTILE(header_that_changes_while_it_is_sent),
      REDOUBT_HOSTILE(receive_buffers_of_one_byte),
      REDOUBT_HOSTILE(receive_buffers_that_cannot_be_written),
      REDOUBT_HOSTILE(frames_without_end),
  };
  return kCases;
}

}  // namespace redoubt::hostile
