// SPDX-License-Identifier: Apache-2.0
//
// Packets that no honest driver sends.
#include <random>
#include <string>
#include <vector>

#include "tests/rounds.h"
#include "tests/unit/devices/virtio/vsock/vsock_fixture.h"

namespace redoubt {
namespace {

using virtio_vsock::kShutdownBoth;
using virtio_vsock::kShutdownSend;

class HostilePacketsTest : public VsockTest {};

TEST_F(HostilePacketsTest, packet_shorter_than_a_header_fails_the_device_until_a_reset) {
  for (const size_t size : {size_t{1}, size_t{43}}) {
    start();
    (void)driver->chain().readable(std::string(size, '\0')).submit(kTransmit);
    transport->notify(kTransmit);
    EXPECT_NE(transport->failure(), "");
    run_some(loop);
    transport->reset();
    buffers->forget();
    transport->start();
    give_buffers(64);
    (void)established();
    transport.reset();
    device.reset();
  }
}

TEST_F(HostilePacketsTest, length_that_is_not_that_of_the_packet_resets_the_connection) {
  start();
  for (const uint32_t length : {0u, 1u, 3u, 5u, 262'144u, 0x7fff'ffffu, 0xffff'ffffu}) {
    const UniqueFd end = established();
    Header packet = header(Op::Rw);
    packet.len = length;
    ASSERT_TRUE(send(packet, "four"));
    EXPECT_EQ(next_op(), Op::Rst) << length;
    EXPECT_TRUE(host_sees_the_end(end));
    EXPECT_EQ(read_available(end), "");
  }
  EXPECT_EQ(transport->failure(), "");
}

TEST_F(HostilePacketsTest, packet_of_another_source_is_dropped_without_an_answer) {
  start();
  const UniqueFd end = established();
  for (const uint64_t cid : {uint64_t{0}, uint64_t{2}, uint64_t{8}, ~uint64_t{0}}) {
    Header packet = header(Op::Shutdown);
    packet.flags = kShutdownBoth;
    packet.src_cid = cid;
    ASSERT_TRUE(send(packet));
  }
  EXPECT_EQ(next(), std::nullopt);
  expect_alive(end);
}

TEST_F(HostilePacketsTest, packet_for_another_destination_is_refused) {
  start();
  for (const uint64_t cid : {uint64_t{0}, uint64_t{1}, uint64_t{3}, uint64_t{kGuestCid}}) {
    Header packet = header(Op::Request);
    packet.dst_cid = cid;
    ASSERT_TRUE(send(packet));
    const auto reset = next();
    ASSERT_TRUE(reset);
    EXPECT_EQ(reset->op(), Op::Rst);
    EXPECT_EQ(uint64_t{reset->header.src_cid}, cid);
  }
}

TEST_F(HostilePacketsTest, every_type_but_stream_is_refused_and_named_in_the_answer) {
  start();
  const UniqueFd end = established();
  for (const uint16_t type : {uint16_t{0}, uint16_t{2}, uint16_t{3}, uint16_t{0xffff}}) {
    Header packet = header(Op::Rw);
    packet.type = type;
    ASSERT_TRUE(send(packet));
    const auto reset = next();
    ASSERT_TRUE(reset);
    EXPECT_EQ(reset->op(), Op::Rst);
    EXPECT_EQ(uint16_t{reset->header.type}, type);
  }
  expect_alive(end);
}

TEST_F(HostilePacketsTest, unknown_operation_resets_the_connection) {
  start();
  for (const uint16_t op : {uint16_t{0}, uint16_t{8}, uint16_t{0xffff}}) {
    const UniqueFd end = established();
    Header packet = header(Op::Rw);
    packet.op = op;
    ASSERT_TRUE(send(packet));
    EXPECT_EQ(next_op(), Op::Rst);
    EXPECT_TRUE(host_sees_the_end(end));
  }
}

TEST_F(HostilePacketsTest, packets_of_no_connection_are_answered_with_a_reset_but_not_resets) {
  start();
  for (const Op op :
       {Op::Response, Op::Shutdown, Op::Rw, Op::CreditUpdate, Op::CreditRequest, Op::Invalid}) {
    ASSERT_TRUE(send(op));
    EXPECT_EQ(next_op(), Op::Rst);
  }
  ASSERT_TRUE(send(Op::Rst));
  EXPECT_EQ(next(), std::nullopt);
}

TEST_F(HostilePacketsTest, second_request_for_a_connection_resets_it) {
  start();
  const UniqueFd end = established();
  ASSERT_TRUE(send(Op::Request));
  EXPECT_EQ(next_op(), Op::Rst);
  EXPECT_TRUE(host_sees_the_end(end));
}

TEST_F(HostilePacketsTest, data_before_the_answer_to_a_client_resets_it) {
  start();
  for (const Op op : {Op::Rw, Op::Shutdown, Op::CreditUpdate, Op::CreditRequest, Op::Request}) {
    const UniqueFd user = client("CONNECT 52\n");
    const auto request = next();
    ASSERT_TRUE(request);
    ASSERT_TRUE(send(header(op, request->host_port(), 52)));
    EXPECT_EQ(next_op(), Op::Rst);
    EXPECT_TRUE(host_sees_the_end(user));
    EXPECT_EQ(read_available(user), "");
  }
}

TEST_F(HostilePacketsTest, data_after_the_end_of_its_side_resets_the_connection) {
  start();
  const UniqueFd end = established();
  ASSERT_TRUE(shut_down(kShutdownSend));
  ASSERT_TRUE(write("more"));
  EXPECT_EQ(next_op(), Op::Rst);
}

TEST_F(HostilePacketsTest, receive_buffer_without_room_for_data_fails_the_device) {
  start();
  restart_without_buffers();
  (void)driver->chain().writable(44).submit(kReceive);
  ASSERT_TRUE(send(Op::Request));
  EXPECT_NE(transport->failure(), "");
}

TEST_F(HostilePacketsTest, payload_taken_back_fails_the_device_and_the_host_sees_the_end) {
  start();
  const UniqueFd end = established();
  Header packet = header(Op::Rw);
  packet.len = 4;
  const auto request = driver->chain().readable_object(packet).readable("gone").submit(kTransmit);
  const RevokedPages gone = driver->revoke(request.readable[1]);
  transport->notify(kTransmit);
  EXPECT_NE(transport->failure(), "");
  EXPECT_TRUE(host_sees_the_end(end));
}

// Row 54: packets at random, against what must hold whatever comes.
TEST_F(HostilePacketsTest, random_packets_leave_the_device_working) {
  start();
  server.emplace(path, kHostPort);
  std::mt19937 random(54);
  std::vector<UniqueFd> ends;
  for (int i = 0; i < rounds(10'000); ++i) {
    Header packet = header(Op{static_cast<uint16_t>(random() % 9)},
                           random() % 8 == 0 ? 1 : kHostPort, 5000 + random() % 4);
    if (random() % 16 == 0) packet.type = static_cast<uint16_t>(random() % 4);
    if (random() % 32 == 0) packet.dst_cid = random() % 4;
    packet.flags = static_cast<uint32_t>(random() % 8);
    packet.buf_alloc = static_cast<uint32_t>(random() % 4 == 0 ? random() : random() % 4096);
    packet.fwd_cnt = static_cast<uint32_t>(random() % 4 == 0 ? random() : 0);
    const std::string payload(random() % 3 == 0 ? random() % 2000 : 0, 'p');
    packet.len = static_cast<uint32_t>(random() % 16 == 0 ? random() : payload.size());
    ASSERT_TRUE(send(packet, payload));
    if (UniqueFd end = server->accept(); end.valid()) {
      if (random() % 2 == 0) (void)write_text(end, std::string(random() % 500, 'h'));
      ends.push_back(std::move(end));
    }
    if (ends.size() > 20) ends.erase(ends.begin(), ends.begin() + 15);
    collect();
    incoming.clear();
    if (i % 50 == 0) run_some(loop);
  }
  EXPECT_EQ(transport->failure(), "");
  EXPECT_TRUE(buffers->rest_untouched());
  ends.clear();
  for (uint32_t port = 5000; port < 5004; ++port)
    ASSERT_TRUE(send(header(Op::Rst, kHostPort, port)));
  run_some(loop);
  collect();
  incoming.clear();
  while (server->accept().valid()) {
  }
  const UniqueFd end = established();
  expect_alive(end);
}

}  // namespace
}  // namespace redoubt
