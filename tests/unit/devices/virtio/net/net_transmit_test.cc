// SPDX-License-Identifier: Apache-2.0
#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/devices/virtio/net/net_fixture.h"

namespace redoubt {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

NetHeader csum_header() {
  NetHeader header;
  header.flags = NetHeader::kNeedsCsum;
  header.csum_start = 34;
  header.csum_offset = 16;
  return header;
}

TEST(NetTransmit, frame_and_header_reach_the_host_and_the_chain_comes_back_empty) {
  NetMachine machine;
  machine.start();

  const auto request = machine.send(concat(csum_header(), test_frame(1514)));

  const auto sent = machine.host->take_sent();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].header, csum_header());
  EXPECT_EQ(sent[0].frame, test_frame(1514));
  EXPECT_THAT(machine.driver.used(kTx), ElementsAre(Used{request.head, 0}));
  EXPECT_TRUE(machine.transport.take_interrupt());
  EXPECT_EQ(machine.net.counters(), (NetCounters{0, 0, 1, 0}));
}

TEST(NetTransmit, header_and_frame_may_be_split_anywhere) {
  const Bytes packet = concat(csum_header(), test_frame(60));
  NetMachine machine;
  machine.start();

  for (size_t split = 1; split < packet.size(); ++split) {
    machine.driver.chain()
        .readable(std::span(packet).first(split))
        .readable(std::span(packet).subspan(split))
        .submit(kTx);
    machine.transport.notify(kTx);
    const auto sent = machine.host->take_sent();
    ASSERT_EQ(sent.size(), 1U) << split;
    EXPECT_EQ(sent[0].frame, test_frame(60)) << split;
    EXPECT_EQ(machine.driver.used(kTx).size(), 1U);
  }
}

// --- reliability: a frame shorter than the virtio header or the Ethernet header

class NetTransmitShort : public testing::TestWithParam<size_t> {};

TEST_P(NetTransmitShort, chain_shorter_than_the_virtio_header_fails_the_device) {
  NetMachine machine;
  machine.start();
  machine.send(Bytes(GetParam()));
  EXPECT_NE(machine.transport.failure(), "");
  EXPECT_THAT(machine.host->take_sent(), IsEmpty());
}
INSTANTIATE_TEST_SUITE_P(Bytes, NetTransmitShort, testing::Range(size_t{1}, size_t{12}));

class NetTransmitRunt : public testing::TestWithParam<size_t> {};

TEST_P(NetTransmitRunt, frame_shorter_than_the_ethernet_header_is_dropped) {
  NetMachine machine;
  machine.start();
  machine.send(Bytes(kHeader + GetParam()));
  EXPECT_EQ(machine.transport.failure(), "");
  EXPECT_THAT(machine.host->take_sent(), IsEmpty());
  EXPECT_EQ(machine.driver.used(kTx).size(), 1U);
  EXPECT_EQ(machine.net.counters().sent_dropped, 1U);
}
INSTANTIATE_TEST_SUITE_P(Bytes, NetTransmitRunt, testing::Range(size_t{0}, size_t{14}));

class NetTransmitSmall : public testing::TestWithParam<size_t> {};

TEST_P(NetTransmitSmall, frame_of_at_least_an_ethernet_header_is_sent) {
  NetMachine machine;
  machine.start();
  machine.send(concat({}, test_frame(GetParam())));
  ASSERT_EQ(machine.host->take_sent().size(), 1U);
}
INSTANTIATE_TEST_SUITE_P(Bytes, NetTransmitSmall, testing::Range(size_t{14}, size_t{53}));

TEST(NetTransmit, chain_without_readable_part_fails_the_device) {
  NetMachine machine;
  machine.start();
  machine.driver.chain().writable(100).submit(kTx);
  machine.transport.notify(kTx);
  EXPECT_NE(machine.transport.failure(), "");
}

TEST(NetTransmit, chain_with_a_writable_part_fails_the_device) {
  NetMachine machine;
  machine.start();
  machine.driver.chain().readable(concat({}, test_frame(60))).writable(1).submit(kTx);
  machine.transport.notify(kTx);
  EXPECT_NE(machine.transport.failure(), "");
}

// --- reliability: lengths that a guest dictates

TEST(NetTransmit, longest_frame_is_sent) {
  NetMachine machine;
  machine.start();
  machine.send(concat({}, test_frame(kMaxFrame)));
  const auto sent = machine.host->take_sent();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].frame, test_frame(kMaxFrame));
}

TEST(NetTransmit, frame_one_byte_longer_than_the_longest_is_dropped) {
  NetMachine machine;
  machine.start();
  machine.send(concat({}, test_frame(kMaxFrame + 1)));
  EXPECT_THAT(machine.host->take_sent(), IsEmpty());
  EXPECT_EQ(machine.net.counters().sent_dropped, 1U);
  EXPECT_EQ(machine.driver.used(kTx).size(), 1U);
}

TEST(NetTransmit, chain_of_almost_4_gib_is_dropped_unread) {
  constexpr uint32_t kPart = 32U << 20;
  NetMachine machine(1, 0, 128);
  machine.start();
  auto chain = machine.driver.chain();
  const GuestRange part = machine.driver.allocate(kPart);
  for (int i = 0; i < 127; ++i) chain.readable_at(part.start(), kPart);
  chain.submit(kTx);
  machine.transport.notify(kTx);
  EXPECT_EQ(machine.transport.failure(), "");
  EXPECT_EQ(machine.net.counters().sent_dropped, 1U);
}

TEST(NetTransmit, chain_of_4_gib_fails_the_device) {
  constexpr uint32_t kPart = 32U << 20;
  NetMachine machine(1, 0, 128);
  machine.start();
  auto chain = machine.driver.chain();
  const GuestRange part = machine.driver.allocate(kPart);
  for (int i = 0; i < 128; ++i) chain.readable_at(part.start(), kPart);
  chain.submit(kTx);
  machine.transport.notify(kTx);
  EXPECT_NE(machine.transport.failure(), "");
}

// --- reliability: checksum and segmentation beyond the frame

TEST(NetTransmit, frame_whose_checksum_lies_beyond_its_end_is_dropped_and_the_next_one_sent) {
  NetMachine machine;
  machine.start();
  NetHeader beyond = csum_header();
  beyond.csum_start = 59;
  machine.driver.chain().readable(concat(beyond, test_frame(60))).submit(kTx);
  machine.send(concat({}, test_frame(61)));
  const auto sent = machine.host->take_sent();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].frame.size(), 61U);
  EXPECT_EQ(machine.driver.used(kTx).size(), 2U);
  EXPECT_EQ(machine.net.counters(), (NetCounters{0, 0, 1, 1}));
}

TEST(NetTransmit, offloads_that_the_backend_lacks_are_not_offered_and_not_sent) {
  NetMachine machine(1, 0);
  machine.start();
  machine.send(concat(csum_header(), test_frame(60)));
  EXPECT_EQ(machine.net.features() & virtio::kNetOffloads, 0U);
  EXPECT_THAT(machine.host->take_sent(), IsEmpty());
}

// --- A host that does not keep up

TEST(NetTransmit, frame_waits_for_a_host_that_takes_none) {
  NetMachine machine;
  machine.start();
  machine.host->block();
  machine.send(concat({}, test_frame(60)));
  machine.send(concat({}, test_frame(61)));
  machine.run();
  EXPECT_THAT(machine.driver.used(kTx), IsEmpty());

  machine.host->unblock();
  machine.run();
  const auto sent = machine.host->take_sent();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[0].frame, test_frame(60));
  EXPECT_EQ(sent[1].frame, test_frame(61));
  EXPECT_EQ(machine.driver.used(kTx).size(), 2U);
}

TEST(NetTransmit, frame_that_waits_is_the_one_that_was_checked) {
  NetMachine machine;
  machine.start();
  machine.host->block();
  const auto request = machine.send(concat({}, test_frame(60)));
  machine.driver.write(request.readable[0].start(), Bytes(kHeader + 60, std::byte{0xff}));

  machine.host->unblock();
  machine.run();
  const auto sent = machine.host->take_sent();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].header, NetHeader());
  EXPECT_EQ(sent[0].frame, test_frame(60));
}

TEST(NetTransmit, what_the_host_took_is_flushed_when_it_is_writable) {
  NetMachine machine;
  machine.start();
  machine.host->hold_back(3);
  machine.send(concat({}, test_frame(60)));
  EXPECT_EQ(machine.host->flushes_to_go(), 2);
  machine.run();
  EXPECT_EQ(machine.host->flushes_to_go(), 0);
}

TEST(NetTransmit, frame_that_the_host_refuses_is_dropped) {
  NetMachine machine;
  machine.start();
  machine.host->refuse(true);
  machine.send(concat({}, test_frame(60)));
  EXPECT_EQ(machine.driver.used(kTx).size(), 1U);
  EXPECT_EQ(machine.net.counters().sent_dropped, 1U);
}

// --- Memory that goes away, rings that are wrong

TEST(NetTransmit, frame_in_memory_that_the_guest_took_back_fails_the_device_until_reset) {
  NetMachine machine;
  machine.start();
  const auto request = machine.driver.chain().readable(concat({}, test_frame(60))).submit(kTx);
  {
    const RevokedPages gone = machine.driver.revoke(request.readable[0]);
    machine.transport.notify(kTx);
    EXPECT_NE(machine.transport.failure(), "");
  }
  machine.transport.reset();
  machine.start();
  machine.send(concat({}, test_frame(61)));
  EXPECT_EQ(machine.host->take_sent().size(), 1U);
  EXPECT_EQ(machine.transport.failure(), "");
}

TEST(NetTransmit, frame_outside_the_window_fails_the_device) {
  NetMachine machine;
  machine.start();
  machine.driver.chain().readable_at(machine.driver.outside(), 100).submit(kTx);
  machine.transport.notify(kTx);
  EXPECT_NE(machine.transport.failure(), "");
}

TEST(NetTransmit, chain_that_loops_fails_the_device) {
  NetMachine machine;
  machine.start();
  const GuestRange part = machine.driver.allocate(64);
  machine.driver.set_descriptor(kTx, 0, {part.start().value(), 64, kDescNext, 0});
  machine.driver.make_available(kTx, 0);
  machine.transport.notify(kTx);
  EXPECT_NE(machine.transport.failure(), "");
}

TEST(NetTransmit, full_queue_is_sent_in_order) {
  NetMachine machine;
  machine.start();
  for (size_t i = 0; i < 64; ++i) {
    machine.driver.chain().readable(concat({}, test_frame(60 + i))).submit(kTx);
  }
  machine.transport.notify(kTx);
  const auto sent = machine.host->take_sent();
  ASSERT_EQ(sent.size(), 64U);
  for (size_t i = 0; i < 64; ++i) EXPECT_EQ(sent[i].frame.size(), 60 + i);
}

}  // namespace
}  // namespace redoubt
