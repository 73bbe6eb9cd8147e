// SPDX-License-Identifier: Apache-2.0
//
// Packets out of place (virtio 1.3, 5.10.6). Nobody on the host listens, so that RST is the answer
// to whatever could have been a connection.
#include <initializer_list>

#include "tests/hostile/honest_requests.h"
#include "tests/hostile/hostile_cases.h"
#include "tests/hostile/vsock_header.h"

namespace redoubt::hostile {

namespace {

using virtio_vsock::Header;
using virtio_vsock::Op;

constexpr uint32_t kReceiveQueue = 0;
constexpr uint32_t kTransmitQueue = 1;
constexpr uint16_t kRst = static_cast<uint16_t>(Op::Rst);

void put_packet(Program& program, const Header& header, uint32_t length) {
  program.object(page(kHeaderPage), header)
      .descriptor(kTransmitQueue, 0, {page(kHeaderPage), length});
}

void send(Program& program) {
  program.submit(kTransmitQueue).kick(kVsock, kTransmitQueue).until_used(kVsock, kTransmitQueue);
}

// A packet of `length` bytes in all, answered with RST.
void send_and_be_reset(Program& program, const Header& header, uint32_t length = sizeof(Header)) {
  program.fresh(kVsock)
      .descriptor(kReceiveQueue, 0, {page(kDataPage), 4096, kWrite})
      .submit(kReceiveQueue)
      .kick(kVsock, kReceiveQueue);
  put_packet(program, header, length);
  send(program);
  program.until_used(kVsock, kReceiveQueue)
      .tell_memory(page(kReceiveQueue) + EVIL_USED + 8, 4, sizeof(Header))
      .tell_memory(page(kDataPage) + kVsockOpOffset, 2, kRst)
      .tell(kVsock, Register::Status, kUp);
}

void packets_of_no_connection(Program& program) {
  for (const uint16_t op : std::initializer_list<uint16_t>{0, 2, 4, 5, 6, 7, 8, 0x8000, 0xffff}) {
    Header header = vsock_header(Op::Request);
    header.op = op;
    send_and_be_reset(program, header);
  }
  expect_works(program, kVsock);
}

void packets_of_another_type(Program& program) {
  for (const uint16_t type : std::initializer_list<uint16_t>{0, 2, 3, 0xffff}) {
    Header header = vsock_header(Op::Request);
    header.type = type;
    send_and_be_reset(program, header);
  }
  expect_works(program, kVsock);
}

void lengths_that_are_not_the_payload(Program& program) {
  for (const uint32_t length : {1u, 4096u, 0x7fff'ffffu, ~0u}) {
    for (const Op op : {Op::Request, Op::Rw}) {
      Header header = vsock_header(op);
      header.len = length;
      send_and_be_reset(program, header);
      header.len = 0;
      send_and_be_reset(program, header, sizeof(Header) + 100);
    }
  }
  expect_works(program, kVsock);
}

void credit_that_cannot_be(Program& program) {
  for (const uint32_t buf_alloc : {0u, 1u, ~0u}) {
    for (const uint32_t fwd_cnt : {0u, 1u, 0x8000'0000u, ~0u}) {
      Header header = vsock_header(Op::CreditUpdate);
      header.buf_alloc = buf_alloc;
      header.fwd_cnt = fwd_cnt;
      send_and_be_reset(program, header);
    }
  }
  expect_works(program, kVsock);
}

void packets_to_other_hosts(Program& program) {
  for (const uint64_t cid : {uint64_t{0}, uint64_t{1}, uint64_t{4}, UINT64_MAX}) {
    Header header = vsock_header(Op::Request);
    header.dst_cid = cid;
    send_and_be_reset(program, header);
  }
  expect_works(program, kVsock);
}

// Dropped: there is nobody to be told.
void packets_of_other_guests(Program& program) {
  for (const uint64_t cid : {uint64_t{0}, uint64_t{2}, uint64_t{4}, UINT64_MAX}) {
    program.fresh(kVsock);
    Header header = vsock_header(Op::Request);
    header.src_cid = cid;
    put_packet(program, header, sizeof(Header));
    send(program);
    program.tell_memory(page(kTransmitQueue) + EVIL_USED + 2, 2, 1);
  }
  expect_works(program, kVsock);
}

void headers_that_are_too_short(Program& program) {
  for (const uint32_t length : {1u, 43u}) {
    program.fresh(kVsock);
    put_packet(program, vsock_header(Op::Request), length);
    send(program);
    expect_failed(program, kVsock);
  }
}

void header_in_many_pieces(Program& program) {
  program.fresh(kVsock)
      .descriptor(kReceiveQueue, 0, {page(kDataPage), 4096, kWrite})
      .submit(kReceiveQueue)
      .object(page(kHeaderPage), vsock_header(Op::Request));
  for (uint16_t i = 0; i < sizeof(Header); ++i) {
    const bool last = i + 1u == sizeof(Header);
    program.descriptor(kTransmitQueue, i,
                       {page(kHeaderPage) + i, 1, last ? uint16_t{0} : kNext,
                        static_cast<uint16_t>(last ? 0 : i + 1)});
  }
  send(program);
  program.until_used(kVsock, kReceiveQueue).tell_memory(page(kDataPage) + kVsockOpOffset, 2, kRst);
  expect_up(program, kVsock);
}

void receive_buffers_too_short_for_a_header(Program& program) {
  program.fresh(kVsock)
      .descriptor(kReceiveQueue, 0, {page(kDataPage), 43, kWrite})
      .submit(kReceiveQueue)
      .kick(kVsock, kReceiveQueue);
  put_packet(program, vsock_header(Op::Request), sizeof(Header));
  send(program);
  program.wait(kVsock, kAWhile);
  expect_works(program, kVsock);
}

// Connections, a port of the guest for each, and no buffer for what comes back: more than there are
// answers that the device keeps, and then more than the queue has room for.
void requests_without_end(Program& program) {
  program.fresh(kVsock);
  put_packet(program, vsock_header(Op::Request), sizeof(Header));
  program.submit(kTransmitQueue)
      .kick(kVsock, kTransmitQueue)
      .until_used(kVsock, kTransmitQueue, 1)
      .add_16(page(kHeaderPage) + offsetof(Header, src_port), 1)
      .loop(4, 400);
  expect_works(program, kVsock);
}

void header_that_changes_while_it_is_read(Program& program) {
  for (const size_t field : {offsetof(Header, len), offsetof(Header, type),
                             offsetof(Header, src_cid), offsetof(Header, buf_alloc)}) {
    program.fresh(kVsock);
    put_packet(program, vsock_header(Op::Request), sizeof(Header));
    program.flip(page(kHeaderPage) + static_cast<uint32_t>(field), 0xffff'ffff);
    program.submit(kTransmitQueue)
        .kick(kVsock, kTransmitQueue)
        .until_used(kVsock, kTransmitQueue, 10)
        .loop(3, 100)
        .flip(0, 0);
  }
  expect_works(program, kVsock);
}

}  // namespace

std::span<const HostileCase> vsock_cases() {
  static constexpr HostileCase kCases[] = {
      REDOUBT_HOSTILE(packets_of_no_connection),
      REDOUBT_HOSTILE(packets_of_another_type),
      REDOUBT_HOSTILE(lengths_that_are_not_the_payload),
      REDOUBT_HOSTILE(credit_that_cannot_be),
      REDOUBT_HOSTILE(packets_to_other_hosts),
      REDOUBT_HOSTILE(packets_of_other_guests),
      REDOUBT_HOSTILE(headers_that_are_too_short),
      REDOUBT_HOSTILE(header_in_many_pieces),
      REDOUBT_HOSTILE(receive_buffers_too_short_for_a_header),
      REDOUBT_HOSTILE(requests_without_end),
      REDOUBT_HOSTILE(header_that_changes_while_it_is_read),
  };
  return kCases;
}

}  // namespace redoubt::hostile
