// SPDX-License-Identifier: Apache-2.0
//
// Rings that lie: their indices, their places, their sizes (virtio 1.3, 2.7), and what is pushed
// through them.
#include "tests/hostile/honest_requests.h"
#include "tests/hostile/hostile_cases.h"

namespace redoubt::hostile {

namespace {

constexpr uint32_t kSize = EVIL_MAX_QUEUE_SIZE;
constexpr uint32_t kAvailableIndex = page(kBlockQueue) + EVIL_AVAILABLE + 2;

void available_index_too_far_ahead(Program& program) {
  for (const uint32_t index : {kSize + 1, 0x8000u, 0xffffu}) {
    program.fresh(kDisk).poke(kAvailableIndex, index, 2);
    program.kick(kDisk, kBlockQueue).until_used(kDisk, kBlockQueue);
    expect_failed(program, kDisk);
  }
}

void available_index_that_goes_back(Program& program) {
  program.fresh(kDisk);
  block_request(program, {kReadSectors, 0, 0}, 512, kOk);
  program.poke(kAvailableIndex, 0, 2).kick(kDisk, kBlockQueue).until_used(kDisk, kBlockQueue);
  expect_failed(program, kDisk);
}

// Whether the first is still under way when the second is looked at is up to the host's storage.
void head_that_is_in_flight_already(Program& program) {
  program.fresh(kDisk);
  put_block_request(program, {kReadSectors, 0, 0}, 4096);
  for (uint32_t i = 0; i < kSize; ++i) program.submit(kBlockQueue, 0);
  program.kick(kDisk, kBlockQueue).until_used(kDisk, kBlockQueue, kAWhile);
  expect_works(program, kDisk);
}

void all_heads_at_once(Program& program) {
  constexpr uint32_t kFlush = 4;
  program.fresh(kDisk).object(page(kHeaderPage), BlockHeader{kFlush, 0, 0});
  for (uint32_t head = 0; head < kSize; head += 2) {
    const auto next = static_cast<uint16_t>(head + 1);
    program.descriptor(kBlockQueue, head, {page(kHeaderPage), 16, kNext, next})
        .descriptor(kBlockQueue, next, {page(kStatusPage), 1, kWrite})
        .submit(kBlockQueue, head);
  }
  program.kick(kDisk, kBlockQueue).until_used(kDisk, kBlockQueue);
  program.tell_memory(page(kBlockQueue) + EVIL_USED + 2, 2, kSize / 2);
  expect_up(program, kDisk);
}

// More than 65,536 requests: all indices wrap around. A byte of entropy goes through quickest.
void indices_that_wrap_around(Program& program) {
  constexpr uint32_t kQueue = 0;
  program.fresh(kEntropy);
  for (uint32_t head = 0; head < kSize; ++head) {
    program.descriptor(kQueue, head, {page(kDataPage), 1, kWrite});
  }
  for (uint32_t head = 0; head < kSize; ++head) program.submit(kQueue, head);
  program.kick(kEntropy, kQueue).until_used(kEntropy, kQueue);
  program.loop(kSize + 2, 65536 / kSize);
  program.tell_memory(page(kQueue) + EVIL_USED + 2, 2, kSize);
  expect_up(program, kEntropy);
}

void used_length_is_what_was_written(Program& program) {
  program.fresh(kDisk);
  block_request(program, {kReadSectors, 0, 0}, 1024, kOk);
  program.tell_memory(page(kBlockQueue) + EVIL_USED + 8, 4, 1025);
  expect_up(program, kDisk);
}

// --- Sizes and places at set-up

constexpr uint64_t kNowhere = 0x8000'0000;

// QueueReady stays 0 and the device goes on.
void expect_not_ready(Program& program) {
  program.tell(kDisk, Register::QueueReady, 0).tell(kDisk, Register::Status, 0x0b);
}

void size_that_cannot_be(Program& program) {
  const uint64_t at = program.arena();
  for (const uint32_t size : {0u, 3u, 63u, 512u, 32768u, 65535u, 65536u, 0x8000'0000u, ~0u}) {
    program.negotiate(kDisk).queue_parts(kDisk, 0, size, at, at + 0x400, at + 0x800);
    expect_not_ready(program);
  }
  expect_works(program, kDisk);
}

// Refused when it becomes ready, for which the device fails.
void expect_refused_rings(Program& program, uint64_t descriptors, uint64_t available,
                          uint64_t used) {
  program.share(0, EVIL_ARENA_PAGES).negotiate(kDisk);
  program.queue_parts(kDisk, 0, kSize, descriptors, available, used);
  program.tell(kDisk, Register::QueueReady, 0).tell(kDisk, Register::Status, 0x4b);
}

void rings_that_are_not_aligned(Program& program) {
  const uint64_t at = program.arena();
  expect_refused_rings(program, at + 8, at + 0x400, at + 0x800);
  expect_refused_rings(program, at, at + 0x401, at + 0x800);
  expect_refused_rings(program, at, at + 0x400, at + 0x802);
  expect_works(program, kDisk);
}

void rings_where_no_memory_is(Program& program) {
  const uint64_t at = program.arena();
  for (const uint64_t place :
       {uint64_t{0}, uint64_t{EVIL_REGISTERS}, kNowhere, uint64_t{1} << 40, UINT64_MAX - 15}) {
    expect_refused_rings(program, place, at + 0x400, at + 0x800);
    expect_refused_rings(program, at, place, at + 0x800);
    expect_refused_rings(program, at, at + 0x400, place);
  }
  expect_works(program, kDisk);
}

void rings_upon_each_other(Program& program) {
  const uint64_t at = program.arena();
  program.negotiate(kDisk).share(0, EVIL_ARENA_PAGES).clear(0, EVIL_ARENA_PAGES);
  program.queue_parts(kDisk, 0, kSize, at, at, at).write(kDisk, Register::Status, 0x0f);
  program.poke(0, 0x0001'0000).kick(kDisk, 0).wait(kDisk, kAWhile);
  program.poke(0, 0x0004'0001).kick(kDisk, 0).wait(kDisk, kAWhile);
  expect_works(program, kDisk);
}

// Hosts have run out of memory over this.
void queues_set_up_over_and_over(Program& program) {
  program.fresh(kDisk).setup(kDisk, 64).setup(kDisk, 32).kick(kDisk, 0).loop(3, 40);
  expect_works(program, kDisk);
}

void layout_that_changes_after_ready(Program& program) {
  program.fresh(kDisk).write(kDisk, Register::QueueSel, 0);
  program.queue_parts(kDisk, 0, 2, kNowhere, kNowhere, kNowhere);
  program.tell(kDisk, Register::QueueReady, 1);
  block_request(program, {kReadSectors, 0, 0}, 512, kOk);
  expect_up(program, kDisk);
}

void reset_with_requests_under_way(Program& program) {
  program.fresh(kDisk);
  const size_t begin = program.size();
  program.clear(kBlockQueue, 1).setup(kDisk);
  put_block_request(program, {kWriteSectors, 0, 8}, 4096);
  program.submit(kBlockQueue).kick(kDisk, kBlockQueue).write(kDisk, Register::Status, 0);
  program.loop(static_cast<uint32_t>(program.size() - begin), 60);
  expect_works(program, kDisk);
}

void queue_reset_with_requests_under_way(Program& program) {
  program.fresh(kDisk);
  const size_t begin = program.size();
  program.clear(kBlockQueue, 1);
  put_block_request(program, {kWriteSectors, 0, 8}, 4096);
  program.submit(kBlockQueue).kick(kDisk, kBlockQueue);
  program.write(kDisk, Register::QueueSel, 0).write(kDisk, Register::QueueReset, 1);
  const uint64_t at = program.arena();
  program.queue_parts(kDisk, 0, kSize, at, at + EVIL_AVAILABLE, at + EVIL_USED);
  program.loop(static_cast<uint32_t>(program.size() - begin), 100);
  program.until_used(kDisk, kBlockQueue);
  expect_works(program, kDisk);
}

void kicks_without_end(Program& program) {
  program.fresh(kDisk);
  for (const uint32_t queue : {0u, 1u, 7u, 64u, 0xffffu, ~0u}) program.kick(kDisk, queue);
  program.loop(6, 300);
  expect_up(program, kDisk);
}

}  // namespace

std::span<const HostileCase> ring_cases() {
  static constexpr HostileCase kCases[] = {
      REDOUBT_HOSTILE(available_index_too_far_ahead),
      REDOUBT_HOSTILE(available_index_that_goes_back),
      REDOUBT_HOSTILE(head_that_is_in_flight_already),
      REDOUBT_HOSTILE(all_heads_at_once),
      REDOUBT_HOSTILE(indices_that_wrap_around),
      REDOUBT_HOSTILE(used_length_is_what_was_written),
      REDOUBT_HOSTILE(size_that_cannot_be),
      REDOUBT_HOSTILE(rings_that_are_not_aligned),
      REDOUBT_HOSTILE(rings_where_no_memory_is),
      REDOUBT_HOSTILE(rings_upon_each_other),
      REDOUBT_HOSTILE(queues_set_up_over_and_over),
      REDOUBT_HOSTILE(layout_that_changes_after_ready),
      REDOUBT_HOSTILE(reset_with_requests_under_way),
      REDOUBT_HOSTILE(queue_reset_with_requests_under_way),
      REDOUBT_HOSTILE(kicks_without_end),
  };
  return kCases;
}

}  // namespace redoubt::hostile
