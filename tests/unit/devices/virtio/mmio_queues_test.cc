// SPDX-License-Identifier: Apache-2.0
//
// Setting queues up, stopping and resetting them (bug classes 9, 10, 11 and 13).
#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/devices/virtio/mmio_fixture.h"

namespace redoubt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Register = virtio::MmioRegister;

class QueueSetUpTest : public MmioFixture {
 protected:
  static constexpr Register kSetUpRegisters[] = {
      Register::QueueNum,       Register::QueueDescLow,    Register::QueueDescHigh,
      Register::QueueDriverLow, Register::QueueDriverHigh, Register::QueueDeviceLow,
      Register::QueueDeviceHigh};
};

TEST_F(QueueSetUpTest, size_limit_of_each_queue_is_the_devices) {
  set(Register::QueueSel, 0);
  EXPECT_EQ(get(Register::QueueNumMax), 256u);
  set(Register::QueueSel, 1);
  EXPECT_EQ(get(Register::QueueNumMax), 64u);
  set(Register::QueueSel, 2);
  EXPECT_EQ(get(Register::QueueNumMax), 0u);
}

TEST_F(QueueSetUpTest, layout_is_what_the_driver_wrote) {
  ASSERT_TRUE(negotiate());
  ASSERT_TRUE(set_up_queue(1));
  ASSERT_NE(transport->queue(1), nullptr);
  EXPECT_EQ(transport->queue(1)->layout(), driver.layout(1));
  EXPECT_EQ(transport->queue(0), nullptr);
}

// Class 9.
TEST_F(QueueSetUpTest, of_all_sizes_only_powers_of_two_up_to_the_limit_become_ready) {
  const GuestRange room = driver.allocate(64 * 1024);
  ASSERT_TRUE(negotiate());
  const auto becomes_ready = [&](uint32_t size) {
    write_layout({1, room.start(), room.start(), room.start()});
    set(Register::QueueNum, size);
    set(Register::QueueReady, 1);
    const bool ready = get(Register::QueueReady) == 1;
    set(Register::QueueReady, 0);
    return ready;
  };
  for (const uint16_t queue : {uint16_t{0}, uint16_t{1}}) {
    set(Register::QueueSel, queue);
    const uint32_t most = get(Register::QueueNumMax);
    for (uint32_t size = 0; size <= 0xffff; ++size) {
      ASSERT_EQ(becomes_ready(size), std::has_single_bit(size) && size <= most) << size;
    }
    for (const uint32_t size : {0x1'0000u, 0x1'0010u, 0x8000'0000u, 0xffff'ffffu}) {
      ASSERT_FALSE(becomes_ready(size)) << size;
    }
  }
  EXPECT_FALSE(needs_reset());
}

TEST_F(QueueSetUpTest, largest_size_of_all_works) {
  EventLoop other_loop;
  FakeDriver big;
  const uint16_t queue = big.add_queue(32768);
  EchoDevice big_device({32768});
  transport.emplace(kRange, kSpi, big_device, big.memory(), loop, Protection::Protected);
  ASSERT_TRUE(negotiate());
  set(Register::QueueSel, 0);
  write_layout(big.layout(queue));
  set(Register::QueueReady, 1);
  driver_ok();
  big.chain().readable("hello").writable(5).submit(queue);
  notify(0);
  EXPECT_EQ(big.used(queue).size(), 1u);
  transport.reset();
}

TEST_F(QueueSetUpTest, size_that_was_refused_replaces_the_one_before) {
  ASSERT_TRUE(negotiate());
  set(Register::QueueSel, 0);
  write_layout(driver.layout(0));
  set(Register::QueueNum, 3);
  set(Register::QueueReady, 1);
  EXPECT_EQ(get(Register::QueueReady), 0u);
  EXPECT_THAT(log.text(), HasSubstr("gives queue 0 no size"));
}

// Class 10: what was checked when the queue became ready stays as it was.
TEST_F(QueueSetUpTest, size_and_addresses_cannot_be_changed_once_ready) {
  bring_up();
  for (uint16_t queue = 0; queue < 2; ++queue) {
    set(Register::QueueSel, queue);
    for (const Register which : kSetUpRegisters) {
      for (const uint32_t value : {0u, 1u, 32u, 0x4000'0000u, 0xffff'fff0u}) set(which, value);
    }
    set(Register::QueueReady, 1);
    ASSERT_EQ(transport->queue(queue)->layout(), driver.layout(queue));
    expect_echo(queue);
  }
}

TEST_F(QueueSetUpTest, queue_cannot_be_set_up_before_the_negotiation) {
  const std::vector<uint32_t> early = {0, virtio::kAcknowledge, virtio::kDriver};
  set(Register::Status, 0);
  for (const uint32_t bits : early) {
    add_status(bits);
    EXPECT_FALSE(set_up_queue(0)) << bits;
  }
  choose(offered());
  add_status(virtio::kFeaturesOk);
  set(Register::QueueSel, 0);
  set(Register::QueueReady, 1);
  EXPECT_EQ(get(Register::QueueReady), 0u) << "what was written too early counts";
  EXPECT_TRUE(set_up_queue(0));
}

TEST_F(QueueSetUpTest, queue_cannot_be_set_up_when_the_driver_has_given_up) {
  ASSERT_TRUE(negotiate());
  add_status(virtio::kFailed);
  EXPECT_FALSE(set_up_queue(0));
}

TEST_F(QueueSetUpTest, values_of_queue_ready_other_than_0_and_1_are_ignored) {
  ASSERT_TRUE(negotiate());
  set(Register::QueueSel, 0);
  write_layout(driver.layout(0));
  for (const uint32_t value : {2u, 3u, 0x100u, 0xffff'fffeu, 0xffff'ffffu}) {
    set(Register::QueueReady, value);
    EXPECT_EQ(get(Register::QueueReady), 0u) << value;
  }
  set(Register::QueueReady, 1);
  set(Register::QueueReady, 2);
  EXPECT_EQ(get(Register::QueueReady), 1u);
}

TEST_F(QueueSetUpTest, stopped_queue_is_not_touched_any_more) {
  bring_up();
  set(Register::QueueSel, 0);
  set(Register::QueueReady, 0);
  EXPECT_EQ(get(Register::QueueReady), 0u);
  EXPECT_THAT(device.stopped_queues, ElementsAre(0));
  driver.chain().readable("a").writable(1).submit(0);
  notify(0);
  EXPECT_THAT(driver.used(0), IsEmpty());
  expect_echo(1);
}

TEST_F(QueueSetUpTest, queue_that_was_not_ready_by_driver_ok_stays_out_without_ring_reset) {
  ASSERT_TRUE(negotiate(virtio::kVersion1 | virtio::kAccessPlatform));
  ASSERT_TRUE(set_up_queue(0));
  driver_ok();
  EXPECT_FALSE(set_up_queue(1));
  expect_echo(0);
}

// --- RING_RESET (2.6.1)

TEST_F(QueueSetUpTest, queue_that_was_reset_works_again_with_another_layout) {
  bring_up();
  expect_echo(0);
  set(Register::QueueSel, 0);
  set(Register::QueueReset, 1);
  EXPECT_EQ(get(Register::QueueReset), 0u);
  EXPECT_EQ(get(Register::QueueReady), 0u);
  EXPECT_THAT(device.stopped_queues, ElementsAre(0));
  expect_echo(1);

  const uint16_t other = driver.add_queue(64);
  write_layout(driver.layout(other));
  set(Register::QueueReady, 1);
  ASSERT_EQ(get(Register::QueueReady), 1u);
  driver.chain().readable("again").writable(8).submit(other);
  notify(0);
  EXPECT_EQ(driver.used(other).size(), 1u);
  EXPECT_EQ(device.starts, 1);
}

TEST_F(QueueSetUpTest, queue_that_was_reset_forgets_its_layout) {
  bring_up();
  set(Register::QueueSel, 0);
  set(Register::QueueReset, 1);
  set(Register::QueueReady, 1);
  EXPECT_EQ(get(Register::QueueReady), 0u);
}

TEST_F(QueueSetUpTest, requests_of_before_a_queue_reset_are_not_completed_after_it) {
  bring_up();
  device.hold = true;
  driver.chain().readable("old").writable(3).submit(0);
  notify(0);
  ASSERT_EQ(device.held.size(), 1u);
  auto held = std::exchange(device.held, {});
  set(Register::QueueSel, 0);
  set(Register::QueueReset, 1);
  driver.reset_queue(0);
  ASSERT_TRUE(set_up_queue(0));
  device.held = std::move(held);  // a device that did not let go

  EXPECT_TRUE(transport->run([&] { return device.answer_held(); }));

  EXPECT_THAT(driver.used(0), IsEmpty());
  EXPECT_EQ(driver.memory().held(), 0u);
}

TEST_F(QueueSetUpTest, requests_made_before_the_queue_was_ready_again_are_served) {
  bring_up();
  set(Register::QueueSel, 0);
  set(Register::QueueReset, 1);
  driver.reset_queue(0);
  driver.chain().readable("early").writable(8).submit(0);
  ASSERT_TRUE(set_up_queue(0));
  run_some(loop);  // without a notification
  EXPECT_EQ(driver.used(0).size(), 1u);
}

TEST_F(QueueSetUpTest, queue_reset_that_was_not_negotiated_is_ignored) {
  ASSERT_TRUE(negotiate(virtio::kVersion1 | virtio::kAccessPlatform));
  ASSERT_TRUE(set_up_queue(0));
  driver_ok();
  set(Register::QueueReset, 1);
  EXPECT_EQ(get(Register::QueueReady), 1u);
  expect_echo(0);
}

// --- Class 11: which queue

TEST_F(QueueSetUpTest, registers_of_queues_that_do_not_exist_read_zero_and_ignore_writes) {
  bring_up();
  std::vector<Register> registers(std::begin(kSetUpRegisters), std::end(kSetUpRegisters));
  registers.insert(registers.end(),
                   {Register::QueueReady, Register::QueueReset, Register::QueueNumMax});
  const auto try_all = [&](uint32_t select) {
    set(Register::QueueSel, select);
    for (const Register which : registers) {
      for (const size_t size : {1u, 2u, 4u, 8u}) {
        write_mmio(*transport, static_cast<uint64_t>(which), 1, size);
        ASSERT_EQ(read_mmio(*transport, static_cast<uint64_t>(which), size), 0u) << select;
      }
    }
  };
  for (uint32_t select = 2; select <= 0xffff; ++select) try_all(select);
  for (const uint32_t select : {0x1'0000u, 0x1'0001u, 0x8000'0000u, 0xffff'ffffu}) try_all(select);
  for (uint16_t queue = 0; queue < 2; ++queue) {
    EXPECT_EQ(transport->queue(queue)->layout(), driver.layout(queue));
    expect_echo(queue);
  }
}

TEST_F(QueueSetUpTest, notifications_of_queues_that_do_not_exist_are_ignored) {
  bring_up();
  const int before = device.notifications;
  for (uint32_t index = 2; index <= 0xffff; ++index) set(Register::QueueNotify, index);
  for (const uint32_t index : {0x1'0000u, 0x1'0001u, 0x8000'0000u, 0xffff'ffffu}) {
    set(Register::QueueNotify, index);
  }
  run_some(loop);
  EXPECT_EQ(device.notifications, before);
}

// Class 13: nothing grows, however often a queue is set up.
TEST_F(QueueSetUpTest, queue_can_be_set_up_any_number_of_times) {
  bring_up();
  device.hold = true;
  for (int i = 0; i < 20'000; ++i) {
    driver.reset_queue(0);
    driver.make_available(0, 0);
    set(Register::QueueSel, 0);
    set(Register::QueueReset, 1);
    ASSERT_TRUE(set_up_queue(0)) << i;
    ASSERT_EQ(driver.memory().held(), 0u);
    ASSERT_LE(device.held.size(), 1u);
  }
}

}  // namespace
}  // namespace redoubt
