// SPDX-License-Identifier: Apache-2.0
//
// Descriptor tables that no driver makes (virtio 1.3, 2.7.5), through the disk's queue.
#include "tests/hostile/honest_requests.h"
#include "tests/hostile/hostile_cases.h"

namespace redoubt::hostile {

namespace {

constexpr uint32_t kSize = EVIL_MAX_QUEUE_SIZE;
constexpr uint32_t kTable = page(kStatusPage + 1);  // for indirect ones

// Descriptors are in place: the device takes the chain and fails.
void submit_and_fail(Program& program, uint32_t head = 0) {
  program.submit(kBlockQueue, head).kick(kDisk, kBlockQueue).until_used(kDisk, kBlockQueue);
  expect_failed(program, kDisk);
}

void fail_with(Program& program, const Descriptor& descriptor) {
  program.fresh(kDisk).descriptor(kBlockQueue, 0, descriptor);
  submit_and_fail(program);
}

void chain_that_is_its_own_next(Program& program) {
  fail_with(program, {page(kDataPage), 16, kNext, 0});
}

void chain_that_loops_through_two(Program& program) {
  program.fresh(kDisk)
      .descriptor(kBlockQueue, 0, {page(kDataPage), 16, kNext, 1})
      .descriptor(kBlockQueue, 1, {page(kDataPage), 16, kNext, 0});
  submit_and_fail(program);
}

void chain_that_loops_through_all(Program& program) {
  program.fresh(kDisk);
  for (uint16_t i = 0; i < kSize; ++i) {
    const auto next = static_cast<uint16_t>((i + 1) % kSize);
    program.descriptor(kBlockQueue, i, {page(kDataPage), 16, kNext, next});
  }
  submit_and_fail(program);
}

// A header, 512 bytes in pieces, and the status byte: `descriptors` in all.
void put_long_chain(Program& program, uint32_t table, uint32_t descriptors) {
  program.object(page(kHeaderPage), BlockHeader{kReadSectors, 0, 0})
      .poke(page(kStatusPage), 0xff, 1)
      .descriptor_in(table, 0, {page(kHeaderPage), sizeof(BlockHeader), kNext, 1});
  const uint32_t pieces = descriptors - 2;
  for (uint32_t i = 0; i < pieces; ++i) {
    const uint32_t length = i + 1 < pieces ? 1 : 512 - (pieces - 1);
    program.descriptor_in(table, i + 1,
                          {page(kDataPage) + i, length, static_cast<uint16_t>(kWrite | kNext),
                           static_cast<uint16_t>(i + 2)});
  }
  program.descriptor_in(table, descriptors - 1, {page(kStatusPage), 1, kWrite});
}

void chain_as_long_as_the_queue_is_served(Program& program) {
  put_long_chain(program.fresh(kDisk), page(kBlockQueue), kSize);
  program.submit(kBlockQueue).kick(kDisk, kBlockQueue).until_used(kDisk, kBlockQueue);
  program.tell_memory(page(kStatusPage), 1, kOk);
  expect_up(program, kDisk);
}

void chain_of_four_gib(Program& program) {
  program.fresh(kDisk)
      .descriptor(kBlockQueue, 0, {page(kDataPage), 0xffff'ffff, kNext, 1})
      .descriptor(kBlockQueue, 1, {page(kDataPage), 0xffff'ffff, kWrite});
  submit_and_fail(program);
}

// In each place of a request.
void empty_buffer(Program& program) {
  for (uint32_t place = 0; place < 3; ++place) {
    program.fresh(kDisk);
    put_block_request(program, {kReadSectors, 0, 0}, 512);
    program.poke(page(kBlockQueue) + place * 16 + 8, 0);
    submit_and_fail(program);
  }
}

void flags_that_are_not_defined(Program& program) {
  fail_with(program, {page(kDataPage), 16, 0x8000});
}

void readable_buffer_behind_a_writable_one(Program& program) {
  program.fresh(kDisk)
      .descriptor(kBlockQueue, 0, {page(kDataPage), 16, kWrite | kNext, 1})
      .descriptor(kBlockQueue, 1, {page(kHeaderPage), 16});
  submit_and_fail(program);
}

void head_beyond_the_table(Program& program) {
  for (const uint32_t head : {kSize, 0x8000u, 0xffffu}) {
    program.fresh(kDisk);
    submit_and_fail(program, head);
  }
}

void next_beyond_the_table(Program& program) {
  for (const uint16_t next : {uint16_t{kSize}, uint16_t{0xffff}}) {
    fail_with(program, {page(kDataPage), 16, kNext, next});
  }
}

// --- Indirect tables (2.7.5.3)

void indirect_table_of_bad_size(Program& program) {
  for (const uint32_t size :
       {0u, 8u, 15u, 17u, (kSize + 1) * 16, 16u * 65536, 16u * 65537, 0xffff'fff0u}) {
    fail_with(program, {kTable, size, kIndirect});
  }
}

void indirect_table_within_another(Program& program) {
  program.fresh(kDisk)
      .descriptor(kBlockQueue, 0, {kTable, 32, kIndirect})
      .descriptor_in(kTable, 0, {kTable, 32, kIndirect});
  submit_and_fail(program);
}

void indirect_table_with_a_next(Program& program) {
  program.fresh(kDisk)
      .descriptor(kBlockQueue, 0, {kTable, 16, kIndirect | kNext, 1})
      .descriptor(kBlockQueue, 1, {page(kStatusPage), 1, kWrite})
      .descriptor_in(kTable, 0, {page(kHeaderPage), 16});
  submit_and_fail(program);
}

void indirect_table_that_was_not_negotiated(Program& program) {
  constexpr uint32_t kIndirectDesc = 1u << 28;
  program.fresh(kDisk, kSize, kIndirectDesc).descriptor(kBlockQueue, 0, {kTable, 16, kIndirect});
  program.descriptor_in(kTable, 0, {page(kHeaderPage), 16});
  submit_and_fail(program);
}

void indirect_next_beyond_its_table(Program& program) {
  program.fresh(kDisk)
      .descriptor(kBlockQueue, 0, {kTable, 32, kIndirect})
      .descriptor_in(kTable, 0, {page(kHeaderPage), 16, kNext, 2});
  submit_and_fail(program);
}

void indirect_table_as_long_as_the_queue_is_served(Program& program) {
  program.fresh(kDisk).descriptor(kBlockQueue, 0, {kTable, kSize * 16, kIndirect});
  put_long_chain(program, kTable, kSize);
  program.submit(kBlockQueue).kick(kDisk, kBlockQueue).until_used(kDisk, kBlockQueue);
  program.tell_memory(page(kStatusPage), 1, kOk);
  expect_up(program, kDisk);
}

// --- Places (also what only an emulator could reach)

void buffer_where_no_memory_is(Program& program) {
  constexpr uint64_t kUart = 0x0900'0000;
  for (const uint64_t address :
       {uint64_t{0}, kUart, uint64_t{EVIL_REGISTERS}, uint64_t{0x8000'0000}, uint64_t{1} << 40,
        uint64_t{1} << 48, UINT64_MAX - 8}) {
    program.fresh(kDisk).descriptor_at(kBlockQueue, 0, address, 16, 0);
    submit_and_fail(program);
  }
}

void indirect_table_where_no_memory_is(Program& program) {
  for (const uint64_t address : {uint64_t{EVIL_REGISTERS}, UINT64_MAX - 8}) {
    program.fresh(kDisk).descriptor_at(kBlockQueue, 0, address, 32, kIndirect);
    submit_and_fail(program);
  }
}

// The second CPU changes what the device is reading. Whether the device fails is chance.
void flip_while_served(Program& program, uint32_t field, uint32_t bits) {
  program.fresh(kDisk).descriptor_in(kTable, 0, {page(kHeaderPage), 16, kNext, 1});
  put_block_request(program, {kReadSectors, 0, 0}, 512);
  program.flip(field, bits);
  program.submit(kBlockQueue).kick(kDisk, kBlockQueue).until_used(kDisk, kBlockQueue, 10);
  program.setup(kDisk).poke(page(kBlockQueue) + EVIL_AVAILABLE, 0);
  program.loop(5, 60).flip(field, 0);
  expect_works(program, kDisk);
}

void length_that_changes_while_it_is_read(Program& program) {
  flip_while_served(program, page(kBlockQueue) + 16 + 8, 0xffff'f000);
}
void flags_that_change_while_they_are_read(Program& program) {
  flip_while_served(program, page(kBlockQueue) + 16 + 12, kIndirect | kWrite | 7u << 16);
}
void address_that_changes_while_it_is_read(Program& program) {
  flip_while_served(program, page(kBlockQueue) + 16 + 4, 1);
}
void request_that_changes_while_it_is_read(Program& program) {
  flip_while_served(program, page(kHeaderPage), 0xff);
}

}  // namespace

std::span<const HostileCase> descriptor_cases() {
  static constexpr HostileCase kCases[] = {
      REDOUBT_HOSTILE(chain_that_is_its_own_next),
      REDOUBT_HOSTILE(chain_that_loops_through_two),
      REDOUBT_HOSTILE(chain_that_loops_through_all),
      REDOUBT_HOSTILE(chain_as_long_as_the_queue_is_served),
      REDOUBT_HOSTILE(chain_of_four_gib),
      REDOUBT_HOSTILE(empty_buffer),
      REDOUBT_HOSTILE(flags_that_are_not_defined),
      REDOUBT_HOSTILE(readable_buffer_behind_a_writable_one),
      REDOUBT_HOSTILE(head_beyond_the_table),
      REDOUBT_HOSTILE(next_beyond_the_table),
      REDOUBT_HOSTILE(indirect_table_of_bad_size),
      REDOUBT_HOSTILE(indirect_table_within_another),
      REDOUBT_HOSTILE(indirect_table_with_a_next),
      REDOUBT_HOSTILE(indirect_table_that_was_not_negotiated),
      REDOUBT_HOSTILE(indirect_next_beyond_its_table),
      REDOUBT_HOSTILE(indirect_table_as_long_as_the_queue_is_served),
      REDOUBT_HOSTILE(buffer_where_no_memory_is),
      REDOUBT_HOSTILE(indirect_table_where_no_memory_is),
      REDOUBT_HOSTILE(length_that_changes_while_it_is_read),
      REDOUBT_HOSTILE(flags_that_change_while_they_are_read),
      REDOUBT_HOSTILE(address_that_changes_while_it_is_read),
      REDOUBT_HOSTILE(request_that_changes_while_it_is_read),
  };
  return kCases;
}

}  // namespace redoubt::hostile
