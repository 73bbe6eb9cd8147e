// SPDX-License-Identifier: Apache-2.0
//
// Drivers that break the protocol or take their memory back, devices that fail, and resets (bug
// classes 20, 27 and 28): DEVICE_NEEDS_RESET, a configuration interrupt, one line in the log, and
// after a reset everything works again.
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/rounds.h"
#include "tests/unit/devices/virtio/mmio_fixture.h"

namespace redoubt {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Register = virtio::MmioRegister;

class FailureTest : public MmioFixture {
 protected:
  void expect_failed() {
    EXPECT_EQ(get(Register::Status), kUp | virtio::kNeedsReset);
    EXPECT_EQ(get(Register::InterruptStatus) & virtio::kConfigChange, virtio::kConfigChange);
    EXPECT_TRUE(take_interrupt());
    EXPECT_EQ(driver.memory().held(), 0u);
  }
  void expect_works_after_reset() {
    bring_up();
    expect_echo(0);
    expect_echo(1);
  }
};

TEST_F(FailureTest, broken_descriptor_fails_the_device_until_it_is_reset) {
  bring_up();
  driver.chain().readable("a").descriptor({0, 0, kDescWrite, 0}).submit(0);

  notify(0);

  expect_failed();
  EXPECT_EQ(log.text(),
            "virtio-echo e0: the driver broke queue 0: a descriptor without length; the device "
            "waits for a reset\n");
  expect_works_after_reset();
}

TEST_F(FailureTest, failed_device_serves_no_queue) {
  bring_up();
  driver.chain().descriptor({0, 0, 0, 0}).submit(0);
  notify(0);
  const int notifications = device.notifications;
  driver.chain().readable("a").writable(1).submit(1);
  notify(1);
  EXPECT_EQ(device.notifications, notifications);
  EXPECT_THAT(driver.used(1), IsEmpty());
  EXPECT_FALSE(transport->run([] { return Result<void, QueueError>(); }));
}

TEST_F(FailureTest, status_writes_do_not_bring_a_failed_device_back) {
  bring_up();
  driver.chain().descriptor({0, 0, 0, 0}).submit(0);
  notify(0);
  for (const uint32_t value : {15u, 11u, 1u, 64u, 0xffff'ffffu}) {
    set(Register::Status, value);
    EXPECT_TRUE(needs_reset());
  }
  run_some(loop);
  EXPECT_EQ(device.starts, 1);
}

TEST_F(FailureTest, failures_cannot_fill_the_log) {
  for (int i = 0; i < rounds(300); ++i) {
    bring_up();
    driver.chain().descriptor({0, 0, 0, 0}).submit(0);
    notify(0);
    ASSERT_TRUE(needs_reset()) << i;
  }
  EXPECT_LT(log.text().size(), 3000u);
}

// H3, H9, H10: each part of the ring unshared at the worst moment.
TEST_F(FailureTest, ring_that_is_taken_back_fails_the_device_and_the_next_one_works) {
  for (int part = 0; part < 3; ++part) {
    bring_up();
    driver.chain().readable("a").writable(1).submit(0);
    const GuestRange ring = part == 0   ? driver.descriptor_table(0)
                            : part == 1 ? driver.available_ring(0)
                                        : driver.used_ring(0);
    {
      const RevokedPages gone = driver.revoke(ring);
      notify(0);
      expect_failed();
    }
    expect_works_after_reset();
  }
  EXPECT_THAT(log.text(), HasSubstr("broke queue 0: memory that the guest does not share"));
}

TEST_F(FailureTest, buffer_that_is_taken_back_fails_the_device) {
  bring_up();
  const FakeRequest request = driver.chain().readable("a").writable(1).submit(0);
  {
    const RevokedPages gone = driver.revoke(request.writable[0]);
    notify(0);
    expect_failed();
  }
  expect_works_after_reset();
}

TEST_F(FailureTest, interrupt_decision_without_its_memory_fails_the_device) {
  bring_up();
  device.hold = true;
  driver.chain().readable("a").writable(1).submit(0);
  notify(0);
  {
    const RevokedPages gone = driver.revoke(driver.available_ring(0));
    EXPECT_TRUE(transport->run([&] { return device.answer_held(); }));
    expect_failed();
  }
  device.hold = false;
  expect_works_after_reset();
}

// --- Rings that a protected guest does not share

TEST_F(FailureTest, rings_in_private_memory_fail_the_device_and_the_reason_is_logged_once) {
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(negotiate());
    set(Register::QueueSel, 0);
    QueueLayout layout = driver.layout(0);
    layout.descriptor_table = driver.outside();
    write_layout(layout);
    set(Register::QueueReady, 1);
    EXPECT_EQ(get(Register::QueueReady), 0u);
    EXPECT_TRUE(needs_reset());
    add_status(virtio::kDriverOk);
    run_some(loop);
    EXPECT_EQ(device.starts, 0);
    EXPECT_EQ(get(Register::InterruptStatus), 0u) << "DRIVER_OK was never set";
  }
  const std::string hint = "CONFIG_DMA_RESTRICTED_POOL";
  EXPECT_THAT(log.text(), HasSubstr("its rings are where the host cannot see them"));
  EXPECT_EQ(log.text().find(hint), log.text().rfind(hint));
  expect_works_after_reset();
}

TEST_F(FailureTest, rings_that_are_not_shared_yet_fail_the_device_with_the_same_reason) {
  ASSERT_TRUE(negotiate());
  const RevokedPages gone = driver.revoke(driver.used_ring(0));
  EXPECT_FALSE(set_up_queue(0));
  EXPECT_TRUE(needs_reset());
  EXPECT_THAT(log.text(), HasSubstr("CONFIG_ARM_PKVM_GUEST"));
}

TEST_F(FailureTest, misaligned_ring_fails_the_device_without_that_reason) {
  ASSERT_TRUE(negotiate());
  set(Register::QueueSel, 0);
  QueueLayout layout = driver.layout(0);
  layout.used_ring = GuestAddress(layout.used_ring.value() + 2);
  write_layout(layout);
  set(Register::QueueReady, 1);
  EXPECT_TRUE(needs_reset());
  EXPECT_EQ(log.text().find("CONFIG_DMA_RESTRICTED_POOL"), std::string::npos);
}

// --- Devices that fail by themselves

TEST_F(FailureTest, start_that_fails_leaves_nothing_locked) {
  device.on_start = []() -> Result<void, QueueError> { return Unexpected(QueueError::BadRequest); };
  ASSERT_TRUE(negotiate());
  ASSERT_TRUE(set_up_queue(0));
  driver_ok();
  expect_failed();
  EXPECT_EQ(device.notifications, 0);
  device.on_start = [] { return Result<void, QueueError>(); };
  expect_works_after_reset();
}

TEST_F(FailureTest, device_may_fail_with_a_reason_of_its_own) {
  bring_up();
  transport->fail("the backend has ended");
  transport->fail("and ends once only");
  expect_failed();
  EXPECT_EQ(log.text(), "virtio-echo e0: the backend has ended; the device waits for a reset\n");
  expect_works_after_reset();
}

TEST_F(FailureTest, failure_before_driver_ok_comes_without_an_interrupt) {
  ASSERT_TRUE(negotiate());
  transport->fail("the backend has ended");
  EXPECT_TRUE(needs_reset());
  EXPECT_FALSE(take_interrupt());
  EXPECT_EQ(get(Register::InterruptStatus), 0u);
  expect_works_after_reset();
}

TEST_F(FailureTest, work_runs_only_while_the_driver_is_up) {
  int ran = 0;
  const auto work = [&]() -> Result<void, QueueError> {
    ++ran;
    return {};
  };
  EXPECT_FALSE(transport->run(work));
  ASSERT_TRUE(negotiate());
  EXPECT_FALSE(transport->run(work));
  ASSERT_TRUE(set_up_queue(0));
  add_status(virtio::kDriverOk);
  EXPECT_FALSE(transport->run(work)) << "not started yet";
  run_some(loop);
  EXPECT_TRUE(transport->run(work));
  set(Register::Status, 0);
  EXPECT_FALSE(transport->run(work));
  EXPECT_EQ(ran, 1);
}

// --- Resets

TEST_F(FailureTest, reset_is_complete_when_the_write_returns) {
  bring_up();
  device.hold = true;
  driver.chain().readable("a").writable(64).submit(0);
  notify(0);
  ASSERT_EQ(device.held.size(), 1u);

  set(Register::Status, 0);

  EXPECT_EQ(get(Register::Status), 0u);
  EXPECT_THAT(device.held, IsEmpty());
  EXPECT_EQ(driver.memory().held(), 0u);
  for (uint16_t queue = 0; queue < 2; ++queue) {
    EXPECT_EQ(transport->queue(queue), nullptr);
    set(Register::QueueSel, queue);
    EXPECT_EQ(get(Register::QueueReady), 0u);
  }
  device.hold = false;
  expect_works_after_reset();
}

TEST_F(FailureTest, requests_of_before_a_reset_are_not_completed_after_it) {
  bring_up();
  device.hold = true;
  device.forgetful = false;
  driver.chain().readable("old").writable(8).submit(0);
  notify(0);
  ASSERT_EQ(device.held.size(), 1u);
  bring_up();
  device.hold = false;
  while (take_interrupt()) {
  }

  EXPECT_TRUE(transport->run([&] { return device.answer_held(); }));

  EXPECT_THAT(driver.used(0), IsEmpty());
  EXPECT_FALSE(take_interrupt());
  EXPECT_EQ(driver.memory().held(), 0u);
  expect_echo(0);
}

TEST_F(FailureTest, device_is_stopped_when_its_transport_ends) {
  bring_up();
  device.hold = true;
  driver.chain().readable("a").writable(1).submit(0);
  notify(0);
  transport.reset();
  EXPECT_THAT(device.held, IsEmpty());
  EXPECT_EQ(driver.memory().held(), 0u);
}

TEST_F(FailureTest, requests_from_before_driver_ok_are_served_after_it) {
  ASSERT_TRUE(negotiate());
  ASSERT_TRUE(set_up_queue(0));
  driver.chain().readable("a").writable(1).submit(0);
  set(Register::QueueNotify, 0);
  run_some(loop);
  EXPECT_THAT(driver.used(0), IsEmpty()) << "used before DRIVER_OK";
  driver_ok();
  EXPECT_EQ(driver.used(0).size(), 1u);
}

// A driver that never lets a queue become empty does not keep the loop from serving another.
TEST_F(FailureTest, queue_that_is_always_full_does_not_starve_the_other) {
  bring_up();
  const GuestRange buffer = driver.allocate(8);
  for (uint16_t i = 0; i < kQueueSize; ++i) {
    driver.set_descriptor(0, i, {buffer.start().value(), 8, kDescWrite, 0});
  }
  uint16_t available = 0;
  bool second_served = false;
  driver.chain().readable("b").writable(1).submit(1);
  // All of what was used is made available again, from inside the device's own turn.
  device.on_answer = [&](uint16_t index) {
    if (index == 1) second_served = true;
    if (index != 0) return;
    driver.set_available_entry(0, available % kQueueSize, available % kQueueSize);
    ++available;
    driver.set_available_index(0, available);
  };
  for (; available < kQueueSize; ++available) {
    driver.set_available_entry(0, available, available);
  }
  driver.set_available_index(0, available);
  set(Register::QueueNotify, 0);
  set(Register::QueueNotify, 1);

  EXPECT_TRUE(run_until(loop, [&] { return second_served && available > 3000; }));

  EXPECT_FALSE(needs_reset());
}

}  // namespace
}  // namespace redoubt
