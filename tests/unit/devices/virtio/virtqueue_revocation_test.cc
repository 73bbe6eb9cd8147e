// SPDX-License-Identifier: Apache-2.0
//
// A virtqueue whose memory goes away while it is used, page by page and at any instant, as a guest
// under pKVM can unshare it. And what a second processor of the guest can do to it meanwhile.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>

#include "tests/rounds.h"
#include "tests/unit/devices/virtio/queue_fixture.h"
#include "vmm/base/event_fd.h"

namespace redoubt {
namespace {

const std::string kGone(describe(QueueError::Inaccessible));

class RevocationTest : public QueueFixture {};

TEST_F(RevocationTest, queue_is_not_made_of_rings_that_cannot_be_read) {
  for (const GuestRange ring :
       {driver.descriptor_table(0), driver.available_ring(0), driver.used_ring(0)}) {
    const RevokedPages gone = driver.revoke(ring);
    const auto made = Virtqueue::create(driver.memory(), driver.layout(0), 0, 2);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error(), QueueError::Inaccessible);
  }
}

TEST_F(RevocationTest, every_page_of_a_ring_is_looked_at) {
  const uint16_t big = driver.add_queue(4096);
  const GuestRange table = driver.descriptor_table(big);
  for (uint64_t offset = 0; offset < table.size(); offset += host_page_size()) {
    const RevokedPages gone =
        driver.revoke(GuestRange(GuestAddress(table.start().value() + offset), 1));
    EXPECT_FALSE(Virtqueue::create(driver.memory(), driver.layout(big), 0, 2)) << offset;
  }
  EXPECT_TRUE(Virtqueue::create(driver.memory(), driver.layout(big), 0, 2));
}

TEST_F(RevocationTest, pop_fails_without_the_available_ring) {
  driver.chain().writable(1).submit(0);
  const RevokedPages gone = driver.revoke(driver.available_ring(0));
  EXPECT_EQ(error_of_pop(), kGone);
  EXPECT_FALSE(queue->available());
}

TEST_F(RevocationTest, pop_fails_without_the_descriptor_table) {
  driver.chain().writable(1).submit(0);
  const RevokedPages gone = driver.revoke(driver.descriptor_table(0));
  EXPECT_EQ(error_of_pop(), kGone);
}

TEST_F(RevocationTest, pop_fails_without_the_indirect_table) {
  const GuestRange table = driver.allocate(32);
  driver.chain().descriptor({table.start().value(), 32, kDescIndirect, 0}).submit(0);
  const RevokedPages gone = driver.revoke(table);
  EXPECT_EQ(error_of_pop(), kGone);
}

TEST_F(RevocationTest, empty_pop_fails_if_it_cannot_ask_for_a_notification) {
  const RevokedPages gone = driver.revoke(driver.used_ring(0));
  EXPECT_EQ(error_of_pop(), kGone);
}

TEST_F(RevocationTest, used_ring_that_became_read_only_fails_the_push) {
  driver.chain().writable(1).submit(0);
  DescriptorChain chain = pop();
  const RevokedPages gone(driver.guest_memory(), driver.used_ring(0), RevokedPages::Allowed::Reads);
  EXPECT_EQ(queue->push(std::move(chain), 1).error(), QueueError::Inaccessible);
}

TEST_F(RevocationTest, push_without_the_used_ring_fails_and_holds_nothing) {
  driver.chain().writable(1).submit(0);
  DescriptorChain chain = pop();
  {
    const RevokedPages gone = driver.revoke(driver.used_ring(0));
    EXPECT_EQ(queue->push(std::move(chain), 1).error(), QueueError::Inaccessible);
  }
  EXPECT_EQ(driver.memory().held(), 0u);
}

TEST_F(RevocationTest, interrupt_cannot_be_decided_without_the_available_ring) {
  driver.chain().writable(1).submit(0);
  push(pop(), 1);
  const RevokedPages gone = driver.revoke(driver.available_ring(0));
  EXPECT_EQ(queue->take_interrupt_wanted().error(), QueueError::Inaccessible);
}

TEST_F(RevocationTest, buffer_that_is_gone_fails_the_access_to_it) {
  const FakeRequest request = driver.chain().readable("abc").writable(8).submit(0);
  DescriptorChain chain = pop();
  std::vector<std::byte> bytes(3);
  {
    const RevokedPages gone = driver.revoke(request.readable[0]);
    EXPECT_EQ(chain.read(bytes).error(), QueueError::Inaccessible);
  }
  const RevokedPages gone = driver.revoke(request.writable[0]);
  EXPECT_EQ(chain.write(bytes).error(), QueueError::Inaccessible);
}

TEST_F(RevocationTest, buffer_that_is_gone_from_its_second_page_on_is_written_up_to_there) {
  const GuestRange range = driver.allocate(2 * host_page_size());
  const auto size = static_cast<uint32_t>(range.size());
  driver.chain().writable_at(range.start(), size).submit(0);
  DescriptorChain chain = pop();
  const GuestAddress second(range.start().value() + host_page_size());
  {
    const RevokedPages gone = driver.revoke(GuestRange(second, 1));
    const std::vector<std::byte> all(size, std::byte{'w'});
    EXPECT_EQ(chain.write(all).error(), QueueError::Inaccessible);
  }
  EXPECT_EQ(driver.read(GuestRange(GuestAddress(second.value() - 1), 1))[0], std::byte{'w'});
  EXPECT_EQ(driver.read(GuestRange(second, 1))[0], std::byte{0});
}

// Pages of every kind come and go while a device serves the queue: each request is served or fails,
// and when the pages are there again the next queue works.
TEST_F(RevocationTest, pages_that_come_and_go_do_no_harm) {
  const GuestRange buffer = driver.allocate(64);
  const std::vector<GuestRange> targets = {driver.descriptor_table(0), driver.available_ring(0),
                                           driver.used_ring(0), buffer};
  const auto make_available = [&] {
    const FakeDescriptor descriptor = {buffer.start().value(), 64, kDescWrite, 0};
    (void)driver.memory().write_object(driver.layout(0).descriptor_table, descriptor);
    (void)driver.memory().write_object(driver.layout(0).available_ring, uint64_t{1} << 16);
  };
  make_available();
  std::atomic<bool> stop = false;
  std::atomic<uint64_t> revocations = 0;
  std::thread chaos([&] {
    for (size_t i = 0; !stop; ++i) {
      RevokedPages gone = driver.revoke(targets[i % targets.size()]);
      ++revocations;
    }
  });

  // The driver's part was done beforehand, as it cannot access its own pages either meanwhile:
  // every entry of the ring is there, all of them the same few heads.
  uint64_t served = 0;
  uint64_t failed = 0;
  uint64_t epoch = 2;
  const auto attempt = [&]() -> Result<void, QueueError> {
    auto fresh =
        TRY(Virtqueue::create(driver.memory(), driver.layout(0), kAllQueueFeatures, ++epoch));
    while (auto chain = TRY(fresh.pop())) {
      std::vector<std::byte> bytes(chain->writable_bytes());
      TRY(chain->write(bytes));
      TRY(fresh.push(std::move(*chain), 64));
      (void)TRY(fresh.take_interrupt_wanted());
    }
    return {};
  };
  while (served < 5'000 || failed < 500) {
    make_available();  // which may fail as well: then the last state of the ring stays
    const auto result = attempt();
    if (result) {
      ++served;
    } else {
      ASSERT_EQ(result.error(), QueueError::Inaccessible) << describe(result.error());
      ++failed;
    }
    ASSERT_EQ(driver.memory().held(), 0u);
  }
  stop = true;
  chaos.join();

  EXPECT_GT(revocations, 100u);
  EXPECT_TRUE(attempt());
}

// Class 16: another processor flips a length between one that fits and one that does not. Whoever
// read it twice would sooner or later check the one and use the other.
TEST_F(RevocationTest, flipping_descriptor_is_taken_as_it_was_checked) {
  const GuestRange buffer = driver.allocate(16);
  const FakeDescriptor good = {buffer.start().value(), 16, kDescWrite, 0};
  const FakeDescriptor bad = {driver.outside().value(), 0xffff'fff0, kDescWrite, 0};
  std::atomic<bool> stop = false;
  std::thread flipper([&] {
    while (!stop) {
      driver.set_descriptor(0, 0, bad);
      driver.set_descriptor(0, 0, good);
    }
  });

  driver.make_available(0, 0);
  uint64_t taken = 0;
  uint64_t refused = 0;
  while (taken < 2'000 || refused < 200) {
    queue->begin_turn();
    auto chain = queue->pop();
    if (!chain) {
      ++refused;
      continue;
    }
    ++taken;
    ASSERT_TRUE((*chain)->write(std::vector<std::byte>(16)));
    ASSERT_EQ((*chain)->writable_bytes(), 16u);
    queue->undo_pop(std::move(**chain));
  }
  stop = true;
  flipper.join();
}

// Class 18: driver and device wait for each other's notifications only, which each suppresses as
// far as it can. A notification that is suppressed once too often leaves both waiting.
TEST_F(RevocationTest, no_wakeup_is_lost_between_driver_and_device) {
  const uint32_t count = rounds(uint32_t{30'000});
  EventFd kick;
  EventFd interrupt;
  std::atomic<bool> device_failed = false;
  const auto wait = [](const EventFd& event) {
    pollfd readable{event.fd().get(), POLLIN, 0};
    return ::poll(&readable, 1, 30'000) == 1;
  };

  std::thread device([&] {
    uint32_t served = 0;
    while (served < count) {
      if (!wait(kick)) break;
      kick.drain();
      queue->begin_turn();
      while (true) {
        auto chain = queue->pop();
        if (!chain || !*chain) break;
        if (!queue->push(std::move(**chain), 0)) break;
        ++served;
      }
      if (queue->take_interrupt_wanted().value()) interrupt.signal();
    }
    device_failed = served < count;
  });

  const GuestAddress buffer = driver.allocate(1).start();
  uint16_t submitted = 0;
  for (uint32_t round = 0; round < count; ++round) {
    driver.set_used_event(0, submitted);
    driver.chain().writable_at(buffer, 1).submit(0);
    ++submitted;
    __sync_synchronize();  // the driver's part, 2.7.13.4.1: index first, then look at the event
    if (driver.available_event(0) == static_cast<uint16_t>(submitted - 1)) kick.signal();
    while (driver.used(0).empty()) {
      if (!wait(interrupt)) {
        kick.signal();
        device.join();
        FAIL() << "round " << round << ": both sides wait";
      }
      interrupt.drain();
    }
  }
  device.join();
  EXPECT_FALSE(device_failed);
}

}  // namespace
}  // namespace redoubt
