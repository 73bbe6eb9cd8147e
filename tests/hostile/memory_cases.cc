// SPDX-License-Identifier: Apache-2.0
//
// What only a protected guest can do: its memory is not there for the host, or not any more.
#include <array>

#include "tests/hostile/honest_requests.h"
#include "tests/hostile/hostile_cases.h"

namespace redoubt::hostile {

namespace {

constexpr uint32_t kSize = EVIL_MAX_QUEUE_SIZE;
// Rings whose parts have pages of their own.
constexpr uint32_t kAvailablePage = kStatusPage + 1;
constexpr uint32_t kUsedPage = kAvailablePage + 1;
constexpr uint32_t kSparePage = kUsedPage + 1;

void submit_and_fail(Program& program) {
  program.submit(kBlockQueue).kick(kDisk, kBlockQueue).until_used(kDisk, kBlockQueue);
  expect_failed(program, kDisk);
}

void read_into_private_memory(Program& program) {
  program.fresh(kDisk);
  put_block_request(program, {kReadSectors, 0, 0}, 4096);
  submit_and_fail(program.unshare(kDataPage, 1));
}

void write_from_private_memory(Program& program) {
  program.fresh(kDisk);
  block_request(program, {kWriteSectors, 0, 16}, 4096, kOk);  // zeros
  program.fresh(kDisk);
  put_block_request(program, {kWriteSectors, 0, 16}, 4096);
  program.poke(page(kDataPage), 0x1234'5678);
  submit_and_fail(program.unshare(kDataPage, 1));
  // Nothing has reached the disk.
  program.fresh(kDisk).poke(page(kDataPage), 0xffff'ffff);
  block_request(program, {kReadSectors, 0, 16}, 4096, kOk);
  program.tell_memory(page(kDataPage), 4, 0);
}

void header_in_private_memory(Program& program) {
  program.fresh(kDisk);
  put_block_request(program, {kReadSectors, 0, 0}, 512);
  submit_and_fail(program.unshare(kHeaderPage, 1));
}

void status_in_private_memory(Program& program) {
  program.fresh(kDisk);
  put_block_request(program, {kReadSectors, 0, 0}, 512);
  submit_and_fail(program.unshare(kStatusPage, 1));
}

void indirect_table_in_private_memory(Program& program) {
  program.fresh(kDisk)
      .descriptor(kBlockQueue, 0, {page(kSparePage), 32, kIndirect})
      .descriptor_in(page(kSparePage), 0, {page(kHeaderPage), 16, kNext, 1})
      .descriptor_in(page(kSparePage), 1, {page(kStatusPage), 1, kWrite});
  submit_and_fail(program.unshare(kSparePage, 1));
}

// A buffer whose first half alone is shared; and one that ends outside the window.
void buffer_half_shared(Program& program) {
  program.fresh(kDisk);
  put_block_request(program, {kReadSectors, 0, 0}, 512);
  program.descriptor(kBlockQueue, 1, {page(kSparePage) - 256, 512, kWrite | kNext, 2});
  submit_and_fail(program.unshare(kSparePage, 1));
}

void buffer_half_outside_the_window(Program& program) {
  program.fresh(kDisk);
  put_block_request(program, {kReadSectors, 0, 0}, 512);
  program.descriptor_at(kBlockQueue, 1, program.arena() - 256, 512, kWrite);
  submit_and_fail(program);
}

// Memory of the guest, but no device's business: neither touched nor shared.
void buffer_outside_the_window(Program& program) {
  program.fresh(kDisk).descriptor_at(kBlockQueue, 0, kRamArena, 16, 0);
  submit_and_fail(program);
}

// Each part of the first queue's rings, of every device; by the kernel's fault, not by its address.
void rings_in_private_memory(Program& program) {
  for (unsigned device = 0; device < kDevices; ++device) {
    for (const uint32_t part : {page(0), page(kAvailablePage), page(kUsedPage)}) {
      program.write(device, Register::Status, 0)
          .share(0, EVIL_ARENA_PAGES)
          .clear(0, EVIL_ARENA_PAGES)
          .unshare(part / EVIL_PAGE_SIZE, 1)
          .negotiate(device);
      const uint64_t at = program.arena();
      program.queue_parts(device, 0, 8, at, at + page(kAvailablePage), at + page(kUsedPage))
          .tell(device, Register::QueueReady, 0)
          .tell(device, Register::Status, 0x4b);
    }
    expect_works(program, device);
  }
}

void rings_outside_the_window(Program& program) {
  for (unsigned device = 0; device < kDevices; ++device) {
    program.negotiate(device);
    const uint64_t at = kRamArena;
    program.queue_parts(device, 0, 8, at, at + EVIL_AVAILABLE, at + EVIL_USED)
        .tell(device, Register::QueueReady, 0)
        .tell(device, Register::Status, 0x4b);
    expect_works(program, device);
  }
}

// Before there is a request, too: a device may look at its ring without being told.
void rings_unshared_before_the_kick(Program& program) {
  for (unsigned device = 0; device < kDevices; ++device) {
    const uint32_t queue = device == kDisk || device == kEntropy ? 0 : 1;
    program.fresh(device)
        .descriptor(queue, 0, {page(kHeaderPage), 64, device == kEntropy ? kWrite : uint16_t{0}})
        .unshare(queue, 1)
        .submit(queue)
        .kick(device, queue)
        .until_used(device, queue);
    expect_failed(program, device);
  }
}

// The disk's queue with parts in pages of their own, and `unshared` taken back before a request
// becomes available there. What SUBMIT does is by hand here.
void unshare_part_before_kick(Program& program, uint32_t unshared) {
  program.write(kDisk, Register::Status, 0)
      .share(0, EVIL_ARENA_PAGES)
      .clear(0, EVIL_ARENA_PAGES)
      .negotiate(kDisk);
  const uint64_t at = program.arena();
  program.queue_parts(kDisk, 0, kSize, at, at + page(kAvailablePage), at + page(kUsedPage))
      .write(kDisk, Register::Status, 0x0f);
  put_block_request(program, {kWriteSectors, 0, 24}, 512);
  program.unshare(unshared, 1)
      .poke(page(kUsedPage), 0)
      .poke(page(kAvailablePage), 0x0001'0000)
      .kick(kDisk, kBlockQueue)
      // Never used in the place that is looked at: it ends when the device has failed.
      .poke(page(0) + EVIL_AVAILABLE + 2, 1, 2)
      .until_used(kDisk, kBlockQueue);
  expect_failed(program, kDisk);
}

void descriptors_unshared_before_the_kick(Program& program) {
  unshare_part_before_kick(program, 0);
}
void available_ring_unshared_before_the_kick(Program& program) {
  unshare_part_before_kick(program, kAvailablePage);
}
void used_ring_unshared_before_the_request_completes(Program& program) {
  unshare_part_before_kick(program, kUsedPage);
}

// A second CPU takes the page away and gives it back, while the device works on it.
void revoke_while_served(Program& program, uint32_t revoked, uint32_t type) {
  program.fresh(kDisk);
  put_block_request(program, {type, 0, 32}, 4096);
  program.revoke(revoked)
      .submit(kBlockQueue)
      .kick(kDisk, kBlockQueue)
      .until_used(kDisk, kBlockQueue, 10)
      .setup(kDisk)
      .poke(page(kBlockQueue) + EVIL_AVAILABLE, 0)
      .loop(5, 60)
      .stop_revoking(revoked);
  expect_works(program, kDisk);
}

void data_unshared_while_it_is_copied_in(Program& program) {
  revoke_while_served(program, kDataPage, kWriteSectors);
}
void data_unshared_while_it_is_copied_out(Program& program) {
  revoke_while_served(program, kDataPage, kReadSectors);
}
void rings_unshared_while_they_are_walked(Program& program) {
  revoke_while_served(program, kBlockQueue, kReadSectors);
}
void status_unshared_while_it_is_written(Program& program) {
  revoke_while_served(program, kStatusPage, kReadSectors);
}

void shared_and_unshared_without_end(Program& program) {
  program.fresh(kEntropy).descriptor(0, 0, {page(kDataPage), 4096, kWrite});
  program.share(kDataPage, 1)
      .submit(0)
      .kick(kEntropy, 0)
      .unshare(kDataPage, 1)
      .share(kDataPage, 16)
      .unshare(kDataPage, 16)
      .loop(6, 300);
  expect_works(program, kEntropy);
}

// One device has failed for want of memory: the others do not notice.
void other_devices_go_on(Program& program) {
  for (unsigned device = 0; device < kDevices; ++device) {
    program.write(device, Register::Status, 0)
        .share(0, EVIL_ARENA_PAGES)
        .unshare(0, 1)
        .negotiate(device);
    const uint64_t at = program.arena();
    program.queue_parts(device, 0, 8, at, at + EVIL_AVAILABLE, at + EVIL_USED);
    const unsigned other = (device + 1) % kDevices;
    expect_works(program, other);
    program.tell(device, Register::Status, 0x4b);
  }
}

}  // namespace

std::span<const HostileCase> memory_cases() {
  static constexpr std::array kCases = {
      REDOUBT_HOSTILE_PROTECTED(read_into_private_memory),
      REDOUBT_HOSTILE_PROTECTED(write_from_private_memory),
      REDOUBT_HOSTILE_PROTECTED(header_in_private_memory),
      REDOUBT_HOSTILE_PROTECTED(status_in_private_memory),
      REDOUBT_HOSTILE_PROTECTED(indirect_table_in_private_memory),
      REDOUBT_HOSTILE_PROTECTED(buffer_half_shared),
      REDOUBT_HOSTILE_PROTECTED(buffer_half_outside_the_window),
      REDOUBT_HOSTILE_PROTECTED(buffer_outside_the_window),
      REDOUBT_HOSTILE_PROTECTED(rings_in_private_memory),
      REDOUBT_HOSTILE_PROTECTED(rings_outside_the_window),
      REDOUBT_HOSTILE_PROTECTED(rings_unshared_before_the_kick),
      REDOUBT_HOSTILE_PROTECTED(descriptors_unshared_before_the_kick),
      REDOUBT_HOSTILE_PROTECTED(available_ring_unshared_before_the_kick),
      REDOUBT_HOSTILE_PROTECTED(used_ring_unshared_before_the_request_completes),
      REDOUBT_HOSTILE_PROTECTED(data_unshared_while_it_is_copied_in),
      REDOUBT_HOSTILE_PROTECTED(data_unshared_while_it_is_copied_out),
      REDOUBT_HOSTILE_PROTECTED(rings_unshared_while_they_are_walked),
      REDOUBT_HOSTILE_PROTECTED(status_unshared_while_it_is_written),
      REDOUBT_HOSTILE_PROTECTED(shared_and_unshared_without_end),
      REDOUBT_HOSTILE_PROTECTED(other_devices_go_on),
  };
  return kCases;
}

}  // namespace redoubt::hostile
