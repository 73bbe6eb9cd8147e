// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/honest_requests.h"

#include <array>

#include "devices/virtio/console/console_protocol.h"
#include "devices/virtio/net/net_header.h"
#include "devices/virtio/vsock/vsock_packet.h"
#include "tests/hostile/vsock_header.h"

namespace redoubt::hostile {

namespace {

constexpr uint32_t kTransmitQueue = 1;  // of the network, the console's port 0, and vsock
constexpr uint32_t kReceiveQueue = 0;

uint32_t used_index(uint32_t queue) { return page(queue) + EVIL_USED + 2; }
uint32_t used_length(uint32_t queue) { return page(queue) + EVIL_USED + 8; }

void use_disk(Program& program) {
  block_request(program, {kWriteSectors, 0, 0}, 512, kOk);
  block_request(program, {kReadSectors, 0, 0}, 512, kOk);
}

// Sent, or dropped by the host: the buffer comes back either way.
void use_network(Program& program) {
  program.object(page(kHeaderPage), NetHeader{})
      .descriptor(kTransmitQueue, 0, {page(kHeaderPage), sizeof(NetHeader) + 60})
      .submit(kTransmitQueue)
      .kick(kNetwork, kTransmitQueue)
      .until_used(kNetwork, kTransmitQueue)
      .tell_memory(used_index(kTransmitQueue), 2, 1);
}

void use_console(Program& program) {
  program
      .poke(page(kDataPage), 0x0a6b6f2e)  // ".ok\n"
      .descriptor(kTransmitQueue, 0, {page(kDataPage), 4})
      .submit(kTransmitQueue)
      .kick(kConsole, kTransmitQueue)
      .until_used(kConsole, kTransmitQueue)
      .tell_memory(used_index(kTransmitQueue), 2, 1);
}

// Nobody listens: RST is the answer.
void use_vsock(Program& program) {
  program.descriptor(kReceiveQueue, 0, {page(kDataPage), 4096, kWrite})
      .submit(kReceiveQueue)
      .kick(kVsock, kReceiveQueue)
      .object(page(kHeaderPage), vsock_header(virtio_vsock::Op::Request))
      .descriptor(kTransmitQueue, 0, {page(kHeaderPage), sizeof(virtio_vsock::Header)})
      .submit(kTransmitQueue)
      .kick(kVsock, kTransmitQueue)
      .until_used(kVsock, kTransmitQueue)
      .until_used(kVsock, kReceiveQueue)
      .tell_memory(used_length(kReceiveQueue), 4, sizeof(virtio_vsock::Header))
      .tell_memory(page(kDataPage) + kVsockOpOffset, 2,
                   static_cast<uint16_t>(virtio_vsock::Op::Rst));
}

void use_entropy(Program& program) {
  program.descriptor(0, 0, {page(kDataPage), 16, kWrite})
      .submit(0)
      .kick(kEntropy, 0)
      .until_used(kEntropy, 0)
      .tell_memory(used_length(0), 4, 16);
}

}  // namespace

void put_block_request(Program& program, const BlockHeader& header, uint32_t length) {
  const auto direction = static_cast<uint16_t>(header.type == kWriteSectors ? 0 : kWrite);
  program.object(page(kHeaderPage), header)
      .poke(page(kStatusPage), 0xff, 1)
      .descriptor(kBlockQueue, 0, {page(kHeaderPage), sizeof(header), kNext, 1})
      .descriptor(kBlockQueue, 1,
                  {page(kDataPage), length, static_cast<uint16_t>(direction | kNext), 2})
      .descriptor(kBlockQueue, 2, {page(kStatusPage), 1, kWrite});
}

void block_request(Program& program, const BlockHeader& header, uint32_t length, uint8_t status) {
  put_block_request(program, header, length);
  program.submit(kBlockQueue)
      .kick(kDisk, kBlockQueue)
      .until_used(kDisk, kBlockQueue)
      .tell_memory(page(kStatusPage), 1, status);
}

void expect_works(Program& program, unsigned device) {
  program.fresh(device);
  switch (device) {
    case kDisk: use_disk(program); break;
    case kNetwork: use_network(program); break;
    case kConsole: use_console(program); break;
    case kVsock: use_vsock(program); break;
    default: use_entropy(program); break;
  }
  program.tell(device, Register::Status, kUp);
}

void expect_failed(Program& program, unsigned device) {
  program.tell(device, Register::Status, kFailed);
  expect_works(program, device);
}

void expect_up(Program& program, unsigned device) {
  program.tell(device, Register::Status, kUp);
  expect_works(program, device);
}

}  // namespace redoubt::hostile
