// SPDX-License-Identifier: Apache-2.0
//
// Requests that no disk can serve (virtio 1.3, 5.2.6). The disk of a hostile guest has kSectors.
#include "tests/hostile/honest_requests.h"
#include "tests/hostile/hostile_cases.h"

namespace redoubt::hostile {

namespace {

constexpr uint64_t kSectors = 2048;

void submit_and_wait(Program& program) {
  program.submit(kBlockQueue).kick(kDisk, kBlockQueue).until_used(kDisk, kBlockQueue);
}

void refuse(Program& program, const BlockHeader& header, uint32_t length, uint8_t status) {
  program.fresh(kDisk);
  block_request(program, header, length, status);
  program.tell(kDisk, Register::Status, kUp);
}

void sectors_beyond_the_end(Program& program) {
  for (const uint32_t type : {kReadSectors, kWriteSectors}) {
    for (const uint64_t sector :
         {kSectors, kSectors - 1, (uint64_t{1} << 63) / 512, (uint64_t{1} << 55) - 1, UINT64_MAX}) {
      refuse(program, {type, 0, sector}, 1024, kIoError);
    }
  }
  refuse(program, {kReadSectors, 0, kSectors - 1}, 512, kOk);
  expect_works(program, kDisk);
}

void lengths_that_are_no_sectors(Program& program) {
  for (const uint32_t length : {1u, 511u, 513u, 1023u}) {
    refuse(program, {kReadSectors, 0, 0}, length, kIoError);
    refuse(program, {kWriteSectors, 0, 0}, length, kIoError);
  }
  expect_works(program, kDisk);
}

// SCSI passthrough (2, 3), and what nobody has defined.
void unknown_types(Program& program) {
  for (const uint32_t type : {2u, 3u, 5u, 9u, 10u, 12u, 14u, 0x8000'0000u, ~0u}) {
    refuse(program, {type, 0, 0}, 512, kUnsupported);
  }
  expect_works(program, kDisk);
}

void header_in_sixteen_pieces(Program& program) {
  program.fresh(kDisk).object(page(kHeaderPage), BlockHeader{kReadSectors, 0, 0});
  for (uint16_t i = 0; i < 16; ++i) {
    program.descriptor(kBlockQueue, i,
                       {page(kHeaderPage) + i, 1, kNext, static_cast<uint16_t>(i + 1)});
  }
  program.poke(page(kStatusPage), 0xff, 1)
      .descriptor(kBlockQueue, 16, {page(kDataPage), 512, kWrite | kNext, 17})
      .descriptor(kBlockQueue, 17, {page(kStatusPage), 1, kWrite});
  submit_and_wait(program);
  program.tell_memory(page(kStatusPage), 1, kOk);
  expect_up(program, kDisk);
}

// Header and data in one buffer, data and status in one: layouts are the driver's (2.7.4).
void status_behind_data_in_one_buffer(Program& program) {
  program.fresh(kDisk)
      .object(page(kHeaderPage), BlockHeader{kReadSectors, 0, 0})
      .poke(page(kDataPage) + 512, 0xff, 1)
      .descriptor(kBlockQueue, 0, {page(kHeaderPage), 16, kNext, 1})
      .descriptor(kBlockQueue, 1, {page(kDataPage), 513, kWrite});
  submit_and_wait(program);
  program.tell_memory(page(kDataPage) + 512, 1, kOk);
  expect_up(program, kDisk);
}

void header_that_is_too_short(Program& program) {
  for (const uint32_t length : {1u, 8u, 15u}) {
    program.fresh(kDisk);
    put_block_request(program, {kReadSectors, 0, 0}, 512);
    program.descriptor(kBlockQueue, 0, {page(kHeaderPage), length, kNext, 1});
    submit_and_wait(program);
    expect_failed(program, kDisk);
  }
}

void no_room_for_the_status(Program& program) {
  program.fresh(kDisk)
      .object(page(kHeaderPage), BlockHeader{kWriteSectors, 0, 0})
      .descriptor(kBlockQueue, 0, {page(kHeaderPage), 16, kNext, 1})
      .descriptor(kBlockQueue, 1, {page(kDataPage), 513});
  submit_and_wait(program);
  expect_failed(program, kDisk);
}

void no_header_at_all(Program& program) {
  program.fresh(kDisk).descriptor(kBlockQueue, 0, {page(kDataPage), 513, kWrite});
  submit_and_wait(program);
  expect_failed(program, kDisk);
}

void read_into_readable_and_write_from_writable(Program& program) {
  // A read whose data the device may only read has room for nothing, and so reads nothing.
  program.fresh(kDisk)
      .object(page(kHeaderPage), BlockHeader{kReadSectors, 0, 0})
      .descriptor(kBlockQueue, 0, {page(kHeaderPage), 16, kNext, 1})
      .descriptor(kBlockQueue, 1, {page(kDataPage), 512, kNext, 2})
      .descriptor(kBlockQueue, 2, {page(kStatusPage), 1, kWrite});
  submit_and_wait(program);
  program.tell_memory(page(kStatusPage), 1, kOk)
      .tell_memory(page(kBlockQueue) + EVIL_USED + 8, 4, 1);
  expect_up(program, kDisk);
}

// The disk's serial number is `hostile`.
void identity_of_every_length(Program& program) {
  constexpr uint32_t kGetId = 8;
  for (const uint32_t length : {1u, 19u, 21u, 512u}) {
    refuse(program, {kGetId, 0, 0}, length, kIoError);
  }
  refuse(program, {kGetId, 0, 0}, 20, kOk);
  program
      .tell_memory(page(kDataPage), 8, 0x0065'6c69'7473'6f68)  // "hostile", then NULs
      .tell_memory(page(kDataPage) + 8, 8, 0)
      .tell_memory(page(kDataPage) + 16, 4, 0);
  expect_works(program, kDisk);
}

// struct virtio_blk_discard_write_zeroes
struct Range {
  uint64_t sector;
  uint32_t sectors;
  uint32_t flags;
};

void ranges(Program& program, uint32_t type) {
  const auto request = [&](const Range& range, uint32_t length, uint8_t status) {
    program.fresh(kDisk)
        .object(page(kHeaderPage), BlockHeader{type, 0, 0})
        .object(page(kDataPage), range)
        .poke(page(kStatusPage), 0xff, 1)
        .descriptor(kBlockQueue, 0, {page(kHeaderPage), 16, kNext, 1})
        .descriptor(kBlockQueue, 1, {page(kDataPage), length, kNext, 2})
        .descriptor(kBlockQueue, 2, {page(kStatusPage), 1, kWrite});
    submit_and_wait(program);
    program.tell_memory(page(kStatusPage), 1, status).tell(kDisk, Register::Status, kUp);
  };
  for (const uint32_t length : {1u, 15u, 17u, 32u}) request({0, 8, 0}, length, kIoError);
  request({kSectors, 1, 0}, 16, kIoError);
  request({kSectors - 1, 2, 0}, 16, kIoError);
  request({UINT64_MAX, 2, 0}, 16, kIoError);
  request({0, ~0u, 0}, 16, kIoError);
  request({0, 8, 2}, 16, kUnsupported);
  request({0, 8, 0x8000'0000}, 16, kUnsupported);
  request({0, 0, 0}, 16, kOk);
  request({8, 8, 0}, 16, kOk);
  expect_works(program, kDisk);
}

void discards_that_cannot_be(Program& program) { ranges(program, 11); }
void zeroes_that_cannot_be(Program& program) { ranges(program, 13); }

// Every queue entry takes pages that no host buffer was set aside for.
void more_at_once_than_there_are_buffers(Program& program) {
  constexpr uint32_t kLength = 16 * EVIL_PAGE_SIZE;
  program.fresh(kDisk).object(page(kHeaderPage), BlockHeader{kReadSectors, 0, 0});
  for (uint16_t head = 0; head + 2 < EVIL_MAX_QUEUE_SIZE; head = static_cast<uint16_t>(head + 3)) {
    const auto second = static_cast<uint16_t>(head + 1);
    const auto third = static_cast<uint16_t>(head + 2);
    program.descriptor(kBlockQueue, head, {page(kHeaderPage), 16, kNext, second})
        .descriptor(kBlockQueue, second, {page(kDataPage), kLength, kWrite | kNext, third})
        .descriptor(kBlockQueue, third, {page(kDataPage) + kLength, 1, kWrite})
        .submit(kBlockQueue, head);
  }
  program.kick(kDisk, kBlockQueue).until_used(kDisk, kBlockQueue);
  program.tell_memory(page(kBlockQueue) + EVIL_USED + 2, 2, EVIL_MAX_QUEUE_SIZE / 3);
  expect_up(program, kDisk);
}

}  // namespace

std::span<const HostileCase> block_cases() {
  static constexpr HostileCase kCases[] = {
      REDOUBT_HOSTILE(sectors_beyond_the_end),
      REDOUBT_HOSTILE(lengths_that_are_no_sectors),
      REDOUBT_HOSTILE(unknown_types),
      REDOUBT_HOSTILE(header_in_sixteen_pieces),
      REDOUBT_HOSTILE(status_behind_data_in_one_buffer),
      REDOUBT_HOSTILE(header_that_is_too_short),
      REDOUBT_HOSTILE(no_room_for_the_status),
      REDOUBT_HOSTILE(no_header_at_all),
      REDOUBT_HOSTILE(read_into_readable_and_write_from_writable),
      REDOUBT_HOSTILE(identity_of_every_length),
      REDOUBT_HOSTILE(discards_that_cannot_be),
      REDOUBT_HOSTILE(zeroes_that_cannot_be),
      REDOUBT_HOSTILE(more_at_once_than_there_are_buffers),
  };
  return kCases;
}

}  // namespace redoubt::hostile
