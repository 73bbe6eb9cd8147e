// SPDX-License-Identifier: Apache-2.0
//
// What an honest driver would do next: after whatever a hostile one did, a device that is reset
// has to serve it.
#pragma once

#include "tests/hostile/program.h"

namespace redoubt::hostile {

// DEVICE_NEEDS_RESET beside all that a driver sets; that alone.
inline constexpr uint64_t kFailed = 0x4f;
inline constexpr uint64_t kUp = 0x0f;

// Looks at a device that may answer, and need not.
inline constexpr uint32_t kAWhile = 100;

// Where the parts of an honest request lie.
inline constexpr uint32_t kHeaderPage = EVIL_FIRST_BUFFER_PAGE;
inline constexpr uint32_t kDataPage = kHeaderPage + 1;
inline constexpr uint32_t kStatusPage = kDataPage + 1;

// struct virtio_blk_req's header (5.2.6).
struct BlockHeader {
  uint32_t type;
  uint32_t reserved;
  uint64_t sector;
};
inline constexpr uint32_t kReadSectors = 0;
inline constexpr uint32_t kWriteSectors = 1;
inline constexpr uint32_t kBlockQueue = 0;
inline constexpr uint8_t kOk = 0;
inline constexpr uint8_t kIoError = 1;
inline constexpr uint8_t kUnsupported = 2;

// The header of a request and descriptors 0 to 2 of it: header, data, status byte (set to 0xff).
void put_block_request(Program& program, const BlockHeader& header, uint32_t length);
// The same, made available and waited for; tells the status byte.
void block_request(Program& program, const BlockHeader& header, uint32_t length, uint8_t status);

// Resets the device and uses it: it serves a request of each kind that needs no peer.
void expect_works(Program& program, unsigned device);

// The device has failed and says so; then expect_works().
void expect_failed(Program& program, unsigned device);
// The device is up still, and works.
void expect_up(Program& program, unsigned device);

}  // namespace redoubt::hostile
