// SPDX-License-Identifier: Apache-2.0
//
// The transport between threads: vCPUs at the registers, the loop at work, pages that go away.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/devices/virtio/mmio_fixture.h"

namespace redoubt {
namespace {

using Register = virtio::MmioRegister;

// The loop on a thread of its own, as in a machine.
class ThreadsTest : public MmioFixture {
 protected:
  ~ThreadsTest() override {
    if (loop_thread.joinable()) stop_loop();
  }

  void start_loop() {
    loop_thread = std::thread([this] { loop.run(); });
  }
  void stop_loop() {
    loop.stop();
    loop_thread.join();
  }
  // As bring_up() does, without running the loop here.
  bool bring_up_quietly() {
    if (!negotiate()) return false;
    for (uint16_t i = 0; i < 2; ++i) {
      driver.reset_queue(i);
      if (!set_up_queue(i)) return false;
    }
    add_status(virtio::kDriverOk);
    return true;
  }
  bool wait_for_used(uint16_t index) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (driver.used(index).empty()) {
      if (std::chrono::steady_clock::now() > give_up) return false;
      std::this_thread::yield();
    }
    return true;
  }

  std::thread loop_thread;
};

TEST_F(ThreadsTest, requests_are_served_on_the_loop_thread) {
  std::thread::id served_on;
  device.on_answer = [&](uint16_t) { served_on = std::this_thread::get_id(); };
  start_loop();
  const std::thread::id expected = loop_thread.get_id();
  ASSERT_TRUE(bring_up_quietly());
  driver.chain().readable("a").writable(1).submit(0);
  set(Register::QueueNotify, 0);
  ASSERT_TRUE(wait_for_used(0));
  stop_loop();
  EXPECT_EQ(served_on, expected);
  EXPECT_NE(served_on, std::this_thread::get_id());
}

// Class 28: resets at any moment of a device that is busy. Each time the device comes up it serves.
TEST_F(ThreadsTest, resets_while_the_device_is_busy_leave_it_in_order) {
  start_loop();
  const GuestAddress buffer = driver.allocate(16).start();
  std::mt19937 random(11);
  for (int round = 0; round < 1'000; ++round) {
    ASSERT_TRUE(bring_up_quietly()) << round;
    for (int i = 0; i < 8; ++i)
      driver.chain().readable_at(buffer, 8).writable_at(buffer, 8).submit(0);
    set(Register::QueueNotify, 0);
    for (auto i = random() % 200; i > 0; --i) (void)get(Register::InterruptStatus);
    if (round % 10 == 0) {
      ASSERT_TRUE(wait_for_used(0)) << round;
    }
    set(Register::Status, 0);
    ASSERT_EQ(driver.memory().held(), 0u) << "the reset was not complete";
    // No store of the device comes after the reset.
    const uint16_t used = driver.used_index(0);
    std::this_thread::yield();
    ASSERT_EQ(driver.used_index(0), used);
  }
  stop_loop();
  EXPECT_EQ(log.text(), "");
}

// Class 26 and 30 at once: vCPUs that write whatever they like wherever they like.
TEST_F(ThreadsTest, random_accesses_of_several_vcpus_do_no_harm) {
  start_loop();
  std::vector<std::thread> vcpus;
  for (uint32_t seed = 0; seed < 3; ++seed) {
    vcpus.emplace_back([&, seed] {
      std::mt19937 random(seed);
      const uint64_t rings = driver.layout(0).descriptor_table.value();
      for (int i = 0; i < 60'000; ++i) {
        const uint64_t offset = random() % 8 == 0 ? random() % 0x200 : random() % 0x80 * 4;
        const size_t size = random() % 8 == 0 ? size_t{1} << random() % 4 : 4;
        const uint32_t values[] = {
            0, 1, 3, 11, 15, 16, 64, static_cast<uint32_t>(rings), random() % 2 == 0 ? ~0u : 7};
        const uint64_t value = values[random() % std::size(values)];
        const std::lock_guard lock(transport->mutex());  // as the bus does
        if (random() % 4 == 0) {
          (void)read_mmio(*transport, offset, size);
        } else {
          write_mmio(*transport, offset, value, size);
        }
      }
    });
  }
  for (std::thread& vcpu : vcpus) vcpu.join();
  ASSERT_TRUE(bring_up_quietly());
  driver.chain().readable("a").writable(1).submit(0);
  set(Register::QueueNotify, 0);
  EXPECT_TRUE(wait_for_used(0));
  stop_loop();
}

// H7: pages that are unshared while the device uses them, in a machine that goes on: the device
// fails or serves, and always comes back with a reset.
TEST_F(ThreadsTest, pages_that_come_and_go_fail_the_device_and_nothing_else) {
  start_loop();
  const GuestRange buffer = driver.allocate(16);
  std::atomic<bool> stop = false;
  std::thread chaos([&] {
    RevokedPages pages = driver.revoke(buffer);
    while (!stop) {
      pages.restore();
      std::this_thread::yield();
      pages.revoke();
      std::this_thread::yield();
    }
  });
  int failures = 0;
  int served = 0;
  for (int round = 0; round < 100'000 && (failures < 50 || served < 50); ++round) {
    ASSERT_TRUE(bring_up_quietly());
    for (const uint16_t queue : {uint16_t{0}, uint16_t{1}}) {
      driver.chain().readable_at(buffer.start(), 8).writable_at(buffer.start(), 8).submit(queue);
    }
    set(Register::QueueNotify, 0);
    set(Register::QueueNotify, 1);
    while (!needs_reset() && (driver.used_index(0) == 0 || driver.used_index(1) == 0)) {
      std::this_thread::yield();
    }
    if (needs_reset()) {
      ++failures;
    } else {
      ++served;
    }
  }
  stop = true;
  chaos.join();
  EXPECT_GE(failures, 50);
  EXPECT_GE(served, 50);
  ASSERT_TRUE(bring_up_quietly());
  driver.chain().readable_at(buffer.start(), 8).writable_at(buffer.start(), 8).submit(0);
  set(Register::QueueNotify, 0);
  EXPECT_TRUE(wait_for_used(0));
  stop_loop();
}

TEST_F(ThreadsTest, configuration_is_never_read_torn_under_one_generation) {
  ASSERT_TRUE(negotiate());
  std::atomic<bool> stop = false;
  transport->update_config(std::vector(EchoDevice::kConfig.size(), std::byte{0}));
  std::thread updater([&] {
    for (uint8_t i = 0; !stop; ++i) {
      transport->update_config(std::vector(EchoDevice::kConfig.size(), std::byte{i}));
    }
  });
  for (int checked = 0; checked < 2'000;) {
    const uint32_t before = get(Register::ConfigGeneration);
    const uint64_t first = read_mmio(*transport, 0x100, 4);
    const uint64_t second = read_mmio(*transport, 0x108, 4);
    const uint32_t after = get(Register::ConfigGeneration);
    ASSERT_EQ(first % 256 * 0x0101'0101, first) << "one access";
    if (before != after) continue;
    ASSERT_EQ(first, second);
    ++checked;
  }
  stop = true;
  updater.join();
}

}  // namespace
}  // namespace redoubt
