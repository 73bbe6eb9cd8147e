// SPDX-License-Identifier: Apache-2.0
//
// What a network device offers, its control queue, and what becomes of it when its driver or its
// backend goes away.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/devices/virtio/net/net_fixture.h"

namespace redoubt {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Sends a command and returns the byte that the device answers with.
unsigned command(NetMachine& machine, uint16_t queue, const Bytes& bytes) {
  const auto request = machine.driver.chain().readable(bytes).writable(1).submit(queue);
  machine.transport.notify(queue);
  const auto used = machine.driver.used(queue);
  EXPECT_THAT(used, ElementsAre(Used{request.head, 1}));
  return std::to_integer<unsigned>(machine.driver.written(request).front());
}
Bytes bytes(std::initializer_list<unsigned> values) {
  Bytes result;
  for (const unsigned value : values) result.push_back(static_cast<std::byte>(value));
  return result;
}
constexpr unsigned kOk = 0;
constexpr unsigned kErr = 1;

// --- What is offered

TEST(Net, one_pair_has_two_queues_and_no_control) {
  NetMachine machine(1);
  EXPECT_THAT(machine.net.max_queue_sizes(), ElementsAre(256, 256));
  EXPECT_EQ(machine.net.features() & (virtio::kNetMq | virtio::kNetCtrlVq), 0U);
}

TEST(Net, several_pairs_have_a_control_queue) {
  NetMachine machine(3);
  EXPECT_EQ(machine.net.max_queue_sizes().size(), 7U);
  EXPECT_EQ(machine.net.features() & (virtio::kNetMq | virtio::kNetCtrlVq),
            virtio::kNetMq | virtio::kNetCtrlVq);
}

TEST(Net, offers_mac_status_and_mergeable_buffers_with_what_the_backend_can_do) {
  EXPECT_EQ(NetMachine(1, 0).net.features(),
            virtio::kNetMac | virtio::kNetStatus | virtio::kNetMrgRxbuf);
  EXPECT_EQ(NetMachine(1, virtio::kNetCsum).net.features(),
            virtio::kNetMac | virtio::kNetStatus | virtio::kNetMrgRxbuf | virtio::kNetCsum);
}

TEST(Net, configuration_has_the_mac_of_the_names_and_a_write_does_not_change_it) {
  NetMachine machine(2);
  const NetConfigSpace expected = net_config_space(mac_for("guest", named("lan")), 2);
  machine.net.write_config(0, bytes({1, 2, 3, 4, 5, 6}));
  EXPECT_THAT(machine.transport.config(), testing::ElementsAreArray(expected));
  EXPECT_THAT(machine.net.initial_config(), testing::ElementsAreArray(expected));
}

TEST(Net, backend_learns_what_the_driver_accepted) {
  NetMachine machine;
  machine.start_without(virtio::kNetGuestTso6);
  EXPECT_EQ(machine.host->offloads() & virtio::kNetOffloads,
            virtio::kNetOffloads & ~virtio::kNetGuestTso6);
}

// --- The control queue

TEST(NetControl, driver_chooses_from_one_to_all_pairs) {
  NetMachine machine(3);
  machine.start();
  for (const unsigned pairs : {1U, 2U, 3U, 1U}) {
    EXPECT_EQ(command(machine, 6, bytes({4, 0, pairs, 0})), kOk);
    EXPECT_EQ(machine.host->active_pairs(), pairs);
  }
}

TEST(NetControl, no_pairs_and_too_many_are_errors) {
  NetMachine machine(3);
  machine.start();
  EXPECT_EQ(command(machine, 6, bytes({4, 0, 0, 0})), kErr);
  EXPECT_EQ(command(machine, 6, bytes({4, 0, 4, 0})), kErr);
  EXPECT_EQ(command(machine, 6, bytes({4, 0, 1, 1})), kErr);
  EXPECT_EQ(machine.host->active_pairs(), 1);
}

TEST(NetControl, every_other_command_is_an_error) {
  NetMachine machine(2);
  machine.start();
  for (unsigned command_class = 0; command_class < 256; ++command_class) {
    for (const unsigned number : {0U, 1U, 255U}) {
      if (command_class == 4 && number == 0) continue;
      EXPECT_EQ(command(machine, 4, bytes({command_class, number, 1, 0})), kErr);
    }
  }
}

TEST(NetControl, command_of_the_wrong_length_is_an_error) {
  NetMachine machine(2);
  machine.start();
  EXPECT_EQ(command(machine, 4, bytes({4})), kErr);
  EXPECT_EQ(command(machine, 4, bytes({4, 0})), kErr);
  EXPECT_EQ(command(machine, 4, bytes({4, 0, 2})), kErr);
  EXPECT_EQ(command(machine, 4, bytes({4, 0, 2, 0, 0})), kErr);
}

TEST(NetControl, command_without_readable_part_is_an_error) {
  NetMachine machine(2);
  machine.start();
  const auto request = machine.driver.chain().writable(1).submit(4);
  machine.transport.notify(4);
  EXPECT_EQ(machine.driver.written(request), bytes({kErr}));
}

TEST(NetControl, command_without_room_for_the_answer_fails_the_device) {
  NetMachine machine(2);
  machine.start();
  machine.driver.chain().readable(bytes({4, 0, 2, 0})).submit(4);
  machine.transport.notify(4);
  EXPECT_NE(machine.transport.failure(), "");
}

TEST(NetControl, host_that_refuses_is_an_error_and_nothing_changes) {
  NetMachine machine(2);
  machine.start();
  machine.host->refuse_pairs(true);
  EXPECT_EQ(command(machine, 4, bytes({4, 0, 2, 0})), kErr);
  EXPECT_FALSE(is_watched(machine.host->fd(1)));
}

TEST(NetControl, queue_is_the_third_without_multiqueue) {
  NetMachine machine(3);
  machine.start_without(virtio::kNetMq);
  EXPECT_EQ(command(machine, 2, bytes({4, 0, 1, 0})), kOk);
  EXPECT_EQ(command(machine, 2, bytes({4, 0, 2, 0})), kErr);
}

TEST(NetControl, queue_of_a_driver_that_does_not_know_it_is_left_alone) {
  NetMachine machine(2);
  machine.start_without(virtio::kNetMq | virtio::kNetCtrlVq);
  machine.driver.chain().readable(bytes({4, 0, 1, 0})).writable(1).submit(4);
  machine.transport.notify(4);
  EXPECT_THAT(machine.driver.used(4), IsEmpty());
  EXPECT_EQ(machine.transport.failure(), "");
}

// --- Several pairs

TEST(NetPairs, only_pairs_in_use_carry_frames) {
  NetMachine machine(2);
  machine.start();
  machine.buffer(2048, 2);
  machine.transport.notify(2);
  machine.host->deliver(test_frame(60), {}, 1);
  machine.send(concat({}, test_frame(61)), 3);
  machine.run();
  EXPECT_THAT(machine.driver.used(2), IsEmpty());
  EXPECT_THAT(machine.host->take_sent(), IsEmpty());
  EXPECT_EQ(machine.driver.used(3).size(), 1U);

  EXPECT_EQ(command(machine, 4, bytes({4, 0, 2, 0})), kOk);
  machine.send(concat({}, test_frame(62)), 3);
  machine.run();
  EXPECT_EQ(machine.driver.used(2).size(), 1U);
  const auto sent = machine.host->take_sent();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].pair, 1);
  EXPECT_EQ(sent[0].frame, test_frame(62));
}

TEST(NetPairs, pair_that_goes_out_of_use_gives_a_waiting_frame_back) {
  NetMachine machine(2);
  machine.start();
  EXPECT_EQ(command(machine, 4, bytes({4, 0, 2, 0})), kOk);
  machine.host->block(1);
  machine.send(concat({}, test_frame(60)), 3);
  EXPECT_THAT(machine.driver.used(3), IsEmpty());
  EXPECT_EQ(command(machine, 4, bytes({4, 0, 1, 0})), kOk);
  EXPECT_EQ(machine.driver.used(3).size(), 1U);
  EXPECT_FALSE(is_watched(machine.host->fd(1)));
}

TEST(NetPairs, reset_leaves_one_in_use) {
  NetMachine machine(2);
  machine.start();
  EXPECT_EQ(command(machine, 4, bytes({4, 0, 2, 0})), kOk);
  machine.transport.reset();
  EXPECT_EQ(machine.host->active_pairs(), 1);
  machine.start();
  EXPECT_FALSE(is_watched(machine.host->fd(1)));
  EXPECT_EQ(machine.net.counters(), NetCounters());
}

// --- Reset, stop and start

TEST(NetReset, frame_that_waits_for_buffers_is_forgotten) {
  NetMachine machine;
  machine.start();
  const auto before = machine.buffer(2048);
  machine.transport.notify(kRx);
  machine.host->deliver(test_frame(3000));
  machine.run();
  machine.transport.reset();
  machine.start();
  for (int i = 0; i < 4; ++i) machine.buffer(2048);
  machine.transport.notify(kRx);
  machine.run();
  EXPECT_THAT(machine.driver.used(kRx), IsEmpty());
  EXPECT_EQ(machine.driver.written(before), Bytes(2048, std::byte{0xa5}));

  machine.host->deliver(test_frame(60));
  machine.run();
  EXPECT_EQ(machine.driver.used(kRx).size(), 1U);
}

TEST(NetReset, frame_that_waits_for_the_host_is_forgotten) {
  NetMachine machine;
  machine.start();
  machine.host->block();
  machine.send(concat({}, test_frame(60)));
  machine.transport.reset();
  machine.host->unblock();
  machine.start();
  machine.run();
  EXPECT_THAT(machine.host->take_sent(), IsEmpty());
  EXPECT_THAT(machine.driver.used(kTx), IsEmpty());
}

TEST(NetReset, host_is_not_read_and_not_watched_while_no_driver_is_up) {
  NetMachine machine;
  machine.start();
  machine.buffer(2048);
  machine.transport.notify(kRx);
  machine.transport.reset();
  machine.host->deliver(test_frame(60));
  machine.run();
  EXPECT_EQ(machine.host->waiting(), 1U);
  EXPECT_FALSE(is_watched(machine.host->fd(0)));

  machine.start();
  machine.buffer(2048);
  machine.transport.notify(kRx);
  machine.run();
  EXPECT_EQ(machine.driver.used(kRx).size(), 1U);
}

TEST(NetReset, device_can_be_stopped_before_the_start_and_twice) {
  NetMachine machine;
  machine.net.stop();
  machine.net.stop();
  machine.start();
  machine.send(concat({}, test_frame(60)));
  EXPECT_EQ(machine.host->take_sent().size(), 1U);
}

TEST(NetReset, queue_that_is_reset_alone_forgets_its_chains) {
  NetMachine machine;
  machine.start();
  machine.buffer(2048);
  machine.transport.notify(kRx);
  machine.host->deliver(test_frame(3000));
  machine.host->block();
  machine.run();
  machine.send(concat({}, test_frame(60)));
  const uint64_t held = machine.driver.memory().peak_held();

  machine.net.stop_queue(kRx);
  machine.net.stop_queue(kTx);
  machine.net.stop_queue(77);
  machine.driver.memory().hold(2048 + kHeader + 60);
  EXPECT_EQ(machine.driver.memory().peak_held(), held);
}

// --- A backend that ends

TEST(NetBackendEnd, fails_the_device_with_its_reason) {
  NetMachine machine;
  machine.start();
  machine.buffer(2048);
  machine.transport.notify(kRx);
  machine.host->end("the cable was pulled");
  machine.run();
  EXPECT_EQ(machine.transport.failure(), "the cable was pulled");
  EXPECT_FALSE(is_watched(machine.host->fd(0)));
}

TEST(NetBackendEnd, that_is_found_by_sending_fails_the_device_too) {
  NetMachine machine;
  machine.start();
  machine.host->end("the cable was pulled");
  machine.send(concat({}, test_frame(60)));
  machine.run();
  EXPECT_EQ(machine.transport.failure(), "the cable was pulled");
}

TEST(NetBackendEnd, fails_every_driver_that_comes_later) {
  NetMachine machine;
  machine.host->end("the cable was pulled");
  machine.start();
  machine.run();
  EXPECT_EQ(machine.transport.failure(), "the cable was pulled");
  machine.transport.reset();
  EXPECT_EQ(machine.transport.failure(), "");
  machine.start();
  machine.run();
  EXPECT_EQ(machine.transport.failure(), "the cable was pulled");
}

}  // namespace
}  // namespace redoubt
