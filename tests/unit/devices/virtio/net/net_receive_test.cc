// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/devices/virtio/net/net_fixture.h"

namespace redoubt {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(NetReceive, frame_is_put_behind_a_header_with_num_buffers_1) {
  NetMachine machine;
  machine.start();
  const auto buffer = machine.buffer(2048);
  machine.transport.notify(kRx);

  machine.host->deliver(test_frame(60));
  machine.run();

  EXPECT_THAT(machine.driver.used(kRx), ElementsAre(Used{buffer.head, kHeader + 60}));
  const Received received = split(first(machine.driver.written(buffer), kHeader + 60));
  EXPECT_EQ(received.header.num_buffers, 1);
  EXPECT_EQ(received.frame, test_frame(60));
  EXPECT_TRUE(machine.transport.take_interrupt());
  EXPECT_EQ(machine.net.counters(), (NetCounters{1, 0, 0, 0}));
}

TEST(NetReceive, num_buffers_is_1_without_mergeable_buffers_too) {
  NetMachine machine;
  machine.start_without(virtio::kNetMrgRxbuf);
  const auto buffer = machine.buffer(2048);
  machine.transport.notify(kRx);
  machine.host->deliver(test_frame(60));
  machine.run();
  EXPECT_EQ(split(machine.driver.written(buffer)).header.num_buffers, 1);
}

TEST(NetReceive, header_that_the_driver_accepted_is_passed_on) {
  NetHeader header;
  header.flags = NetHeader::kNeedsCsum;
  header.gso_type = NetHeader::kGsoTcpV4;
  header.hdr_len = 66;
  header.gso_size = 1448;
  header.csum_start = 34;
  header.csum_offset = 16;
  NetMachine machine;
  machine.start();
  const auto buffer = machine.buffer(65562);
  machine.transport.notify(kRx);
  machine.host->deliver(test_frame(3000), header);
  machine.run();
  NetHeader expected = header;
  expected.num_buffers = 1;
  EXPECT_EQ(split(machine.driver.written(buffer)).header, expected);
}

TEST(NetReceive, frame_from_before_this_driver_that_asks_too_much_of_it_is_dropped) {
  NetHeader header;
  header.flags = NetHeader::kNeedsCsum;
  NetMachine machine;
  machine.start_without(virtio::kNetGuestCsum);
  machine.buffer(2048);
  machine.transport.notify(kRx);
  machine.host->deliver(test_frame(60), header);
  machine.run();
  EXPECT_THAT(machine.driver.used(kRx), IsEmpty());
  EXPECT_EQ(machine.net.counters().received_dropped, 1U);
}

TEST(NetReceive, chain_of_small_descriptors_is_one_buffer) {
  NetMachine machine;
  machine.start();
  auto chain = machine.driver.chain();
  for (int i = 0; i < 40; ++i) chain.writable(1);
  const auto buffer = chain.submit(kRx);
  machine.transport.notify(kRx);
  machine.host->deliver(test_frame(28));
  machine.run();
  EXPECT_THAT(machine.driver.used(kRx), ElementsAre(Used{buffer.head, 40}));
  EXPECT_EQ(split(machine.driver.written(buffer)).frame, test_frame(28));
}

// --- reliability: raw frames of 0 to 14 bytes

TEST(NetReceive, raw_frames_shorter_than_an_ethernet_header_are_dropped) {
  NetMachine machine;
  machine.start();
  const auto buffer = machine.buffer(2048);
  machine.transport.notify(kRx);
  for (size_t length = 0; length <= 14; ++length) machine.host->deliver(test_frame(length));
  machine.run();
  EXPECT_THAT(machine.driver.used(kRx), ElementsAre(Used{buffer.head, kHeader + 14}));
  EXPECT_EQ(machine.net.counters(), (NetCounters{1, 14, 0, 0}));
}

// --- reliability: buffers that a guest makes too small

TEST(NetReceive, buffer_without_room_for_a_header_fails_the_device) {
  for (uint32_t size = 1; size < kHeader; ++size) {
    NetMachine machine;
    machine.start();
    machine.buffer(size);
    machine.transport.notify(kRx);
    machine.host->deliver(test_frame(60));
    machine.run();
    EXPECT_NE(machine.transport.failure(), "") << size;
    EXPECT_THAT(machine.driver.used(kRx), IsEmpty()) << size;
  }
}

TEST(NetReceive, mergeable_buffers_of_1_byte_fail_the_device) {
  NetMachine machine;
  machine.start();
  for (int i = 0; i < 64; ++i) machine.buffer(1);
  machine.host->deliver(test_frame(40));
  machine.transport.notify(kRx);
  machine.run();
  EXPECT_NE(machine.transport.failure(), "");
}

TEST(NetReceive, buffer_with_a_readable_part_fails_the_device) {
  NetMachine machine;
  machine.start();
  machine.driver.chain().readable("x").writable(2048).submit(kRx);
  machine.host->deliver(test_frame(60));
  machine.transport.notify(kRx);
  machine.run();
  EXPECT_NE(machine.transport.failure(), "");
}

TEST(NetReceive, frame_larger_than_its_buffer_is_dropped_and_the_buffer_serves_the_next_one) {
  NetMachine machine;
  machine.start_without(virtio::kNetMrgRxbuf);
  const auto buffer = machine.buffer(kHeader + 100);
  machine.transport.notify(kRx);
  machine.host->deliver(test_frame(101));
  machine.host->deliver(test_frame(100));
  machine.run();
  EXPECT_THAT(machine.driver.used(kRx), ElementsAre(Used{buffer.head, kHeader + 100}));
  EXPECT_EQ(split(machine.driver.written(buffer)).frame, test_frame(100));
  EXPECT_EQ(machine.net.counters(), (NetCounters{1, 1, 0, 0}));
}

TEST(NetReceive, buffer_of_almost_4_gib_holds_a_frame_like_any_other) {
  constexpr uint32_t kPart = 32U << 20;
  NetMachine machine(1, 0, 128);
  machine.start();
  auto chain = machine.driver.chain();
  const GuestRange part = machine.driver.allocate(kPart);
  for (int i = 0; i < 127; ++i) chain.writable_at(part.start(), kPart);
  const uint16_t head = chain.submit(kRx).head;
  machine.transport.notify(kRx);
  machine.host->deliver(test_frame(1514));
  machine.run();
  EXPECT_THAT(machine.driver.used(kRx), ElementsAre(Used{head, kHeader + 1514}));
}

// --- Mergeable buffers

TEST(NetReceiveMergeable, frame_fills_as_many_buffers_as_it_needs) {
  NetMachine machine;
  machine.start();
  const auto one = machine.buffer(kHeader + 10);
  const auto two = machine.buffer(20);
  const auto three = machine.buffer(2048);
  machine.transport.notify(kRx);
  machine.host->deliver(test_frame(100));
  machine.run();

  EXPECT_THAT(machine.driver.used(kRx),
              ElementsAre(Used{one.head, kHeader + 10}, Used{two.head, 20}, Used{three.head, 70}));
  Bytes all = machine.driver.written(one);
  for (const auto& more : {two, three}) {
    const Bytes bytes = machine.driver.written(more);
    all.insert(all.end(), bytes.begin(), bytes.end());
  }
  const Received received = split(first(all, kHeader + 100));
  EXPECT_EQ(received.header.num_buffers, 3);
  EXPECT_EQ(received.frame, test_frame(100));
}

TEST(NetReceiveMergeable, buffers_of_a_header_each_are_filled_to_the_last_byte) {
  NetMachine machine;
  machine.start();
  std::vector<FakeRequest> buffers;
  for (int i = 0; i < 64; ++i) buffers.push_back(machine.buffer(kHeader));
  machine.transport.notify(kRx);
  machine.host->deliver(test_frame(63 * kHeader));
  machine.run();

  Bytes all;
  for (const auto& buffer : buffers) {
    const Bytes bytes = machine.driver.written(buffer);
    all.insert(all.end(), bytes.begin(), bytes.end());
  }
  EXPECT_EQ(split(all).header.num_buffers, 64);
  EXPECT_EQ(split(all).frame, test_frame(63 * kHeader));
  EXPECT_EQ(machine.driver.used(kRx).size(), 64U);
}

TEST(NetReceiveMergeable,
     frame_too_large_for_the_whole_ring_is_dropped_and_the_next_one_delivered) {
  NetMachine machine;
  machine.start();
  std::vector<FakeRequest> buffers;
  for (int i = 0; i < 64; ++i) buffers.push_back(machine.buffer(kHeader));
  machine.transport.notify(kRx);
  machine.host->deliver(test_frame(63 * kHeader + 1));
  machine.host->deliver(test_frame(20));
  machine.run();
  EXPECT_THAT(machine.driver.used(kRx),
              ElementsAre(Used{buffers[0].head, kHeader}, Used{buffers[1].head, kHeader},
                          Used{buffers[2].head, 8}));
  EXPECT_EQ(machine.net.counters(), (NetCounters{1, 1, 0, 0}));
}

TEST(NetReceiveMergeable, buffers_are_given_back_only_after_all_of_them_are_written) {
  NetMachine machine;
  machine.start();
  machine.buffer(2048);
  const auto second = machine.buffer(2048);
  const RevokedPages gone = machine.driver.revoke(second.writable[0]);
  machine.transport.notify(kRx);
  machine.host->deliver(test_frame(3000));
  machine.run();
  EXPECT_NE(machine.transport.failure(), "");
  EXPECT_EQ(machine.driver.used_index(kRx), 0);
}

TEST(NetReceiveMergeable, num_buffers_is_written_before_the_first_buffer_is_given_back) {
  NetMachine machine;
  machine.start();
  const auto one = machine.buffer(2048);
  machine.transport.notify(kRx);
  machine.buffer(2048);
  machine.host->deliver(test_frame(3000));
  {
    // Giving a buffer back is what needs this page.
    const RevokedPages gone = machine.driver.revoke(machine.driver.used_ring(kRx));
    machine.run();
  }
  EXPECT_NE(machine.transport.failure(), "");
  EXPECT_EQ(machine.driver.used_index(kRx), 0);
  EXPECT_EQ(split(machine.driver.written(one)).header.num_buffers, 2);
}

TEST(NetReceiveMergeable, longest_frame_is_delivered_in_pages) {
  NetMachine machine;
  machine.start();
  Bytes all;
  std::vector<FakeRequest> buffers;
  for (int i = 0; i < 20; ++i) buffers.push_back(machine.buffer(4096));
  machine.transport.notify(kRx);
  machine.host->deliver(test_frame(kMaxFrame));
  machine.run();
  EXPECT_EQ(machine.driver.used(kRx).size(), 17U);
  for (const auto& buffer : buffers) {
    const Bytes bytes = machine.driver.written(buffer);
    all.insert(all.end(), bytes.begin(), bytes.end());
  }
  EXPECT_EQ(split(first(all, kHeader + kMaxFrame)).frame, test_frame(kMaxFrame));
}

// --- reliability: no buffers, no busy loop, no stall

TEST(NetReceive, nothing_is_read_from_the_host_without_a_buffer) {
  NetMachine machine;
  machine.start();
  for (int i = 0; i < 10; ++i) machine.host->deliver(test_frame(60));
  machine.run();
  EXPECT_EQ(machine.host->waiting(), 10U);
}

TEST(NetReceive, host_is_watched_only_while_there_is_a_buffer) {
  NetMachine machine;
  machine.start();
  machine.run();
  EXPECT_FALSE(is_watched(machine.host->fd(0)));

  machine.buffer(2048);
  machine.transport.notify(kRx);
  EXPECT_TRUE(is_watched(machine.host->fd(0)));

  machine.host->deliver(test_frame(60));
  machine.host->deliver(test_frame(60));
  machine.run();
  EXPECT_EQ(machine.driver.used(kRx).size(), 1U);
  EXPECT_FALSE(is_watched(machine.host->fd(0)));
}

TEST(NetReceive, notification_starts_receiving_again) {
  NetMachine machine;
  machine.start();
  for (int i = 0; i < 10; ++i) machine.host->deliver(test_frame(60));
  machine.run();
  for (int i = 0; i < 20; ++i) machine.buffer(2048);
  machine.transport.notify(kRx);
  machine.run();
  EXPECT_EQ(machine.driver.used(kRx).size(), 10U);
  EXPECT_EQ(machine.host->waiting(), 0U);
}

TEST(NetReceive, frame_that_needs_more_buffers_waits_for_them_unwatched) {
  NetMachine machine;
  machine.start();
  machine.buffer(2048);
  machine.transport.notify(kRx);
  machine.host->deliver(test_frame(3000));
  machine.run();
  EXPECT_THAT(machine.driver.used(kRx), IsEmpty());
  EXPECT_FALSE(is_watched(machine.host->fd(0)));

  machine.buffer(2048);
  machine.transport.notify(kRx);
  machine.run();
  EXPECT_EQ(machine.driver.used(kRx).size(), 2U);
  EXPECT_EQ(machine.net.counters(), (NetCounters{1, 0, 0, 0}));
}

TEST(NetReceive, flood_into_a_full_ring_never_stalls) {
  NetMachine machine;
  machine.start();
  uint64_t received = 0;
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 80; ++i) machine.host->deliver(test_frame(60));
    for (int i = 0; i < 64; ++i) machine.buffer(128);
    machine.transport.notify(kRx);
    machine.run();
    received += machine.driver.used(kRx).size();
  }
  EXPECT_EQ(received, 50U * 64U);
  EXPECT_EQ(machine.host->waiting(), 50U * 16U);
}

TEST(NetReceive, more_frames_than_one_turn_takes_are_all_dealt_with) {
  NetMachine machine;
  machine.start_without(virtio::kNetMrgRxbuf);
  machine.buffer(kHeader + 60);
  machine.transport.notify(kRx);
  for (int i = 0; i < 2000; ++i) machine.host->deliver(test_frame(61));
  machine.run();
  EXPECT_EQ(machine.net.counters().received_dropped, 2000U);
}

// --- Memory that goes away

TEST(NetReceive, buffer_that_the_guest_took_back_fails_the_device_until_reset) {
  NetMachine machine;
  machine.start();
  {
    const auto buffer = machine.buffer(2048);
    machine.transport.notify(kRx);
    const RevokedPages gone = machine.driver.revoke(buffer.writable[0]);
    machine.host->deliver(test_frame(60));
    machine.run();
    EXPECT_NE(machine.transport.failure(), "");
  }
  machine.transport.reset();
  machine.start();
  machine.buffer(2048);
  machine.transport.notify(kRx);
  machine.host->deliver(test_frame(61));
  machine.run();
  EXPECT_EQ(machine.driver.used(kRx).size(), 1U);
}

TEST(NetReceive, buffer_outside_the_window_fails_the_device) {
  NetMachine machine;
  machine.start();
  machine.driver.chain().writable_at(machine.driver.outside(), 2048).submit(kRx);
  machine.transport.notify(kRx);
  machine.host->deliver(test_frame(60));
  machine.run();
  EXPECT_NE(machine.transport.failure(), "");
}

}  // namespace
}  // namespace redoubt
