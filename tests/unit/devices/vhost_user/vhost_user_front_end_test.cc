// SPDX-License-Identifier: Apache-2.0
#include "devices/vhost_user/vhost_user_front_end.h"

#include <memory>

#include <gtest/gtest.h>
#include <sys/mman.h>

#include "devices/virtio/features.h"
#include "tests/unit/devices/vhost_user/fake_back_end.h"
#include "tests/unit/devices/virtio/fake_driver.h"
#include "vmm/base/event_fd.h"

namespace redoubt {
namespace {

using vhost_user::Request;
using vhost_user::VringState;

constexpr uint64_t kOffered =
    vhost_user::kProtocolFeatures | virtio::kVersion1 | virtio::kEventIdx | virtio::kIndirectDesc;
constexpr uint64_t kProtocol = vhost_user::kMq | vhost_user::kReplyAck | uint64_t{0xf0};
constexpr std::chrono::seconds kLong{20};

// The answers of an honest back-end to agree(), as far as the first `answers`.
void agree_so_far(FakeBackEnd& back_end, int answers) {
  if (answers > 0) back_end.answer(Request::GET_FEATURES, kOffered);
  if (answers > 1) back_end.answer(Request::GET_PROTOCOL_FEATURES, kProtocol);
  if (answers > 2) back_end.answer(Request::GET_QUEUE_NUM, uint64_t{2});
}

constexpr std::array kStartOfRing{Request::SET_VRING_NUM,  Request::SET_VRING_BASE,
                                  Request::SET_VRING_ADDR, Request::SET_VRING_CALL,
                                  Request::SET_VRING_KICK, Request::SET_VRING_ENABLE};

class VhostUserFrontEndTest : public testing::Test {
 protected:
  void agree() {
    agree_so_far(back_end_, 3);
    ASSERT_TRUE(front_end_.agree(2, kLong));
    for (int i = 0; i < 5; ++i) back_end_.next();
    ASSERT_FALSE(back_end_.more_to_read());
  }
  void begin() {
    agree();
    back_end_.acknowledge(Request::SET_FEATURES);
    back_end_.acknowledge(Request::SET_MEM_TABLE);
    ASSERT_TRUE(front_end_.begin(kOffered, driver_.memory()));
    back_end_.next();
    back_end_.next();
  }
  [[nodiscard]] Result<void, VhostUserError> start_ring(uint16_t index) {
    return front_end_.start_ring(
        index, {.layout = driver_.layout(queue_), .kick = kick_.fd(), .call = call_.fd()});
  }

  FakeDriver driver_;
  const uint16_t queue_ = driver_.add_queue(64);
  const EventFd kick_;
  const EventFd call_;
  FakeBackEnd back_end_;
  VhostUserFrontEnd front_end_{back_end_.take_front()};
};

TEST_F(VhostUserFrontEndTest, agrees_on_what_it_uses_and_nothing_else) {
  agree_so_far(back_end_, 3);
  ASSERT_TRUE(front_end_.agree(2, kLong));
  EXPECT_EQ(back_end_.next().header.request, 3U);   // SET_OWNER
  EXPECT_EQ(back_end_.next().header.request, 1U);   // GET_FEATURES
  EXPECT_EQ(back_end_.next().header.request, 15U);  // GET_PROTOCOL_FEATURES
  const FakeBackEnd::Received chosen = back_end_.next();
  EXPECT_EQ(chosen.header.request, 16U);  // SET_PROTOCOL_FEATURES
  EXPECT_EQ(chosen.as<uint64_t>(), vhost_user::kMq | vhost_user::kReplyAck);
  EXPECT_EQ(back_end_.next().header.request, 17U);  // GET_QUEUE_NUM
  EXPECT_EQ(front_end_.features(), kOffered & ~vhost_user::kProtocolFeatures);
}

TEST_F(VhostUserFrontEndTest, back_end_of_before_virtio_1_is_unsuitable) {
  back_end_.answer(Request::GET_FEATURES, kOffered & ~virtio::kVersion1);
  EXPECT_EQ(front_end_.agree(2, kLong).error(), VhostUserError::Unsuitable);
}

TEST_F(VhostUserFrontEndTest, back_end_without_acknowledgements_is_unsuitable) {
  back_end_.answer(Request::GET_FEATURES, kOffered);
  back_end_.answer(Request::GET_PROTOCOL_FEATURES, kProtocol & ~vhost_user::kReplyAck);
  EXPECT_EQ(front_end_.agree(2, kLong).error(), VhostUserError::Unsuitable);
}

TEST_F(VhostUserFrontEndTest, back_end_with_too_few_queues_is_unsuitable) {
  agree_so_far(back_end_, 3);
  EXPECT_EQ(front_end_.agree(3, kLong).error(), VhostUserError::Unsuitable);
}

TEST_F(VhostUserFrontEndTest, features_are_passed_on_without_access_platform) {
  agree();
  back_end_.acknowledge(Request::SET_FEATURES);
  back_end_.acknowledge(Request::SET_MEM_TABLE);
  const uint64_t negotiated = virtio::kVersion1 | virtio::kAccessPlatform | virtio::kEventIdx |
                              (uint64_t{1} << 7);  // which it does not offer
  ASSERT_TRUE(front_end_.begin(negotiated, driver_.memory()));
  EXPECT_EQ(back_end_.next().as<uint64_t>(),
            virtio::kVersion1 | virtio::kEventIdx | vhost_user::kProtocolFeatures);
}

TEST_F(VhostUserFrontEndTest, memory_is_the_window_under_its_guest_addresses) {
  agree();
  back_end_.acknowledge(Request::SET_FEATURES);
  back_end_.acknowledge(Request::SET_MEM_TABLE);
  ASSERT_TRUE(front_end_.begin(kOffered, driver_.memory()));
  back_end_.next();
  const FakeBackEnd::Received table = back_end_.next();
  const GuestRange window = driver_.memory().window().value();
  const auto memory = table.as<vhost_user::MemoryTable>();
  EXPECT_EQ(memory.region_count, 1U);
  EXPECT_EQ(memory.padding, 0U);
  EXPECT_EQ(memory.guest_address, window.start().value());
  EXPECT_EQ(memory.user_address, window.start().value());
  EXPECT_EQ(memory.size, window.size());
  EXPECT_EQ(memory.offset, 0U);

  const std::byte mark{0x5e};
  driver_.write(window.start(), std::span(&mark, 1));
  void* mapped = ::mmap(nullptr, window.size(), PROT_READ, MAP_SHARED, table.fd.get(), 0);
  ASSERT_NE(mapped, MAP_FAILED);
  EXPECT_EQ(*static_cast<std::byte*>(mapped), mark);
  ::munmap(mapped, window.size());
}

TEST_F(VhostUserFrontEndTest, memory_without_a_memfd_cannot_be_shared) {
  EXPECT_TRUE(VhostUserFrontEnd::can_share(driver_.memory()));
  DmaMemory all(driver_.guest_memory(), std::nullopt);
  EXPECT_FALSE(VhostUserFrontEnd::can_share(all));
}

TEST_F(VhostUserFrontEndTest, ring_is_started_with_guest_addresses_and_its_eventfds) {
  begin();
  for (const Request request : kStartOfRing) back_end_.acknowledge(request);
  ASSERT_TRUE(start_ring(1));
  const QueueLayout& layout = driver_.layout(queue_);
  EXPECT_EQ(back_end_.next().as<VringState>().value, layout.size);
  EXPECT_EQ(back_end_.next().as<VringState>().value, 0U);
  const auto address = back_end_.next().as<vhost_user::VringAddress>();
  EXPECT_EQ(address.index, 1U);
  EXPECT_EQ(address.flags, 0U);
  EXPECT_EQ(address.descriptor_table, layout.descriptor_table.value());
  EXPECT_EQ(address.available_ring, layout.available_ring.value());
  EXPECT_EQ(address.used_ring, layout.used_ring.value());
  const FakeBackEnd::Received call = back_end_.next();
  const FakeBackEnd::Received kick = back_end_.next();
  EXPECT_EQ(call.as<uint64_t>(), 1U);
  EXPECT_EQ(kick.as<uint64_t>(), 1U);
  EXPECT_TRUE(call.fd.valid());
  EXPECT_TRUE(kick.fd.valid());
  const auto enabled = back_end_.next().as<VringState>();
  EXPECT_EQ(enabled.index, 1U);
  EXPECT_EQ(enabled.value, 1U);
  EXPECT_FALSE(back_end_.more_to_read());
}

TEST_F(VhostUserFrontEndTest, rings_have_stopped_when_the_back_end_says_so) {
  begin();
  back_end_.answer(Request::GET_VRING_BASE, VringState{0, 17});
  back_end_.answer(Request::GET_VRING_BASE, VringState{1, 4});
  EXPECT_TRUE(front_end_.stop_rings(2));
  EXPECT_EQ(back_end_.next().as<VringState>().index, 0U);
  EXPECT_EQ(back_end_.next().as<VringState>().index, 1U);
}

TEST_F(VhostUserFrontEndTest, answer_about_another_ring_is_no_answer) {
  begin();
  back_end_.answer(Request::GET_VRING_BASE, VringState{1, 0});
  EXPECT_EQ(front_end_.stop_rings(1).error(), VhostUserError::NotAnswer);
}

class DeathWhileAgreeing : public testing::TestWithParam<int> {};

TEST_P(DeathWhileAgreeing, is_noticed) {
  FakeBackEnd back_end;
  VhostUserFrontEnd front_end(back_end.take_front());
  agree_so_far(back_end, GetParam());
  back_end.close_after_that();
  EXPECT_EQ(front_end.agree(2, kLong).error(), VhostUserError::Gone);
}
INSTANTIATE_TEST_SUITE_P(VhostUser, DeathWhileAgreeing, testing::Range(0, 3));

// 0 and 1 in begin(), the others in start_ring().
class DeathWhileStarting : public VhostUserFrontEndTest, public testing::WithParamInterface<int> {
 protected:
  [[nodiscard]] Result<void, VhostUserError> start_after(int answers, uint64_t last_outcome) {
    agree();
    std::vector<Request> requests{Request::SET_FEATURES, Request::SET_MEM_TABLE};
    requests.insert(requests.end(), kStartOfRing.begin(), kStartOfRing.end());
    const auto last = static_cast<size_t>(answers);
    for (size_t i = 0; i < last; ++i) back_end_.acknowledge(requests[i]);
    if (last_outcome != 0) back_end_.acknowledge(requests[last], last_outcome);
    back_end_.close_after_that();
    TRY(front_end_.begin(kOffered, driver_.memory()));
    return start_ring(0);
  }
};

TEST_P(DeathWhileStarting, is_noticed) {
  EXPECT_EQ(start_after(GetParam(), 0).error(), VhostUserError::Gone);
}

TEST_P(DeathWhileStarting, refusal_at_the_same_place_is_noticed) {
  EXPECT_EQ(start_after(GetParam(), 1).error(), VhostUserError::Refused);
}
INSTANTIATE_TEST_SUITE_P(VhostUser, DeathWhileStarting, testing::Range(0, 8));

TEST_F(VhostUserFrontEndTest, death_while_stopping_is_noticed) {
  begin();
  back_end_.answer(Request::GET_VRING_BASE, VringState{0, 0});
  back_end_.close_after_that();
  EXPECT_EQ(front_end_.stop_rings(2).error(), VhostUserError::Gone);
}

}  // namespace
}  // namespace redoubt
