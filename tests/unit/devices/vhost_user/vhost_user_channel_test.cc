// SPDX-License-Identifier: Apache-2.0
#include "devices/vhost_user/vhost_user_channel.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/unit/devices/vhost_user/fake_back_end.h"
#include "vmm/base/event_fd.h"

namespace redoubt {
namespace {

using vhost_user::Header;
using vhost_user::Request;
using vhost_user::VringState;

constexpr uint32_t kAnswer = Header::kVersion | Header::kReply;
constexpr uint32_t kGetFeatures = 1;

class VhostUserChannelTest : public testing::Test {
 protected:
  VhostUserChannelTest() {
    channel_.set_deadline(VhostUserChannel::Clock::now() + std::chrono::seconds(20));
  }
  // For what will not come.
  void be_impatient() {
    channel_.set_deadline(VhostUserChannel::Clock::now() + std::chrono::milliseconds(1));
  }
  [[nodiscard]] VhostUserError error_of_get() {
    const auto features = channel_.get<uint64_t>(Request::GET_FEATURES);
    EXPECT_FALSE(features) << "taken for an answer";
    return features ? VhostUserError::Unsuitable : features.error();
  }
  void say_eight_bytes() {
    const uint64_t bytes = 0x1234;
    back_end_.say(std::as_bytes(std::span(&bytes, 1)));
  }
  FakeBackEnd back_end_;
  VhostUserChannel channel_{back_end_.take_front()};
};

TEST_F(VhostUserChannelTest, answer_is_returned) {
  back_end_.answer(Request::GET_FEATURES, uint64_t{0x1'4000'0000});
  EXPECT_EQ(channel_.get<uint64_t>(Request::GET_FEATURES), uint64_t{0x1'4000'0000});
}

TEST_F(VhostUserChannelTest, request_has_its_number_version_and_payload) {
  ASSERT_TRUE(channel_.set(Request::SET_VRING_NUM, VringState{3, 256}));
  const FakeBackEnd::Received received = back_end_.next();
  EXPECT_EQ(received.header.request, 8U);
  EXPECT_EQ(received.header.flags, Header::kVersion);
  const auto state = received.as<VringState>();
  EXPECT_EQ(state.index, 3U);
  EXPECT_EQ(state.value, 256U);
  EXPECT_FALSE(received.fd.valid());
}

TEST_F(VhostUserChannelTest, request_without_payload_is_a_header) {
  ASSERT_TRUE(channel_.set(Request::SET_OWNER));
  EXPECT_EQ(back_end_.next().header.size, 0U);
  EXPECT_FALSE(back_end_.more_to_read());
}

TEST_F(VhostUserChannelTest, descriptor_goes_with_its_request) {
  const EventFd event;
  ASSERT_TRUE(channel_.set(Request::SET_VRING_KICK, uint64_t{1}, event.fd()));
  const FakeBackEnd::Received received = back_end_.next();
  ASSERT_TRUE(received.fd.valid());
  const uint64_t one = 1;
  ASSERT_EQ(::write(received.fd.get(), &one, sizeof one), 8);
  uint64_t count = 0;
  ASSERT_EQ(::read(event.fd().get(), &count, sizeof count), 8);
  EXPECT_EQ(count, 1U);
}

TEST_F(VhostUserChannelTest, acknowledgement_is_asked_for_and_read) {
  channel_.expect_acknowledgements();
  back_end_.acknowledge(Request::SET_FEATURES);
  EXPECT_TRUE(channel_.set(Request::SET_FEATURES, uint64_t{0}));
  EXPECT_EQ(back_end_.next().header.flags, Header::kVersion | Header::kNeedReply);
}

TEST_F(VhostUserChannelTest, refusal_is_an_error) {
  channel_.expect_acknowledgements();
  back_end_.acknowledge(Request::SET_FEATURES, 1);
  EXPECT_EQ(channel_.set(Request::SET_FEATURES, uint64_t{0}).error(), VhostUserError::Refused);
}

TEST_F(VhostUserChannelTest, answer_that_comes_in_pieces_is_put_together) {
  const Header header{kGetFeatures, kAnswer, 8};
  const std::span bytes = std::as_bytes(std::span(&header, 1));
  for (size_t i = 0; i < bytes.size(); ++i) back_end_.say(bytes.subspan(i, 1));
  say_eight_bytes();
  EXPECT_EQ(channel_.get<uint64_t>(Request::GET_FEATURES), uint64_t{0x1234});
}

struct WrongHeader {
  const char* name;
  Header header;
};

class WrongAnswer : public VhostUserChannelTest, public testing::WithParamInterface<WrongHeader> {};

TEST_P(WrongAnswer, is_not_taken) {
  back_end_.say_header(GetParam().header);
  say_eight_bytes();
  say_eight_bytes();
  EXPECT_EQ(error_of_get(), VhostUserError::NotAnswer);
}

INSTANTIATE_TEST_SUITE_P(
    VhostUser, WrongAnswer,
    testing::Values(WrongHeader{"to_another_request", {2, kAnswer, 8}},
                    WrongHeader{"to_a_request_that_does_not_exist", {0xffff'ffff, kAnswer, 8}},
                    WrongHeader{"that_is_no_answer", {kGetFeatures, Header::kVersion, 8}},
                    WrongHeader{"of_another_version", {kGetFeatures, 2 | Header::kReply, 8}},
                    WrongHeader{"with_unknown_flags", {kGetFeatures, kAnswer | 0x8000'0000, 8}},
                    WrongHeader{"that_asks_for_a_reply",
                                {kGetFeatures, kAnswer | Header::kNeedReply, 8}},
                    WrongHeader{"without_payload", {kGetFeatures, kAnswer, 0}},
                    WrongHeader{"with_a_byte_too_few", {kGetFeatures, kAnswer, 7}},
                    WrongHeader{"with_a_byte_too_many", {kGetFeatures, kAnswer, 9}},
                    WrongHeader{"with_four_gigabytes", {kGetFeatures, kAnswer, 0xffff'ffff}}),
    [](const auto& instance) { return instance.param.name; });

TEST_F(VhostUserChannelTest, descriptor_that_comes_with_an_answer_is_not_taken) {
  const auto open_fds = [] {
    int count = 0;
    struct stat status {};
    for (int fd = 0; fd < 256; ++fd) count += ::fstat(fd, &status) == 0 ? 1 : 0;
    return count;
  };
  const EventFd gift;
  const int before = open_fds();
  const Header header{kGetFeatures, kAnswer, 8};
  back_end_.say(std::as_bytes(std::span(&header, 1)), gift.fd());
  say_eight_bytes();
  EXPECT_EQ(error_of_get(), VhostUserError::NotAnswer);
  EXPECT_EQ(open_fds(), before);
}

TEST_F(VhostUserChannelTest, silence_ends_at_the_deadline) {
  be_impatient();
  EXPECT_EQ(error_of_get(), VhostUserError::TooLate);
}

TEST_F(VhostUserChannelTest, silence_after_the_header_ends_at_the_deadline) {
  be_impatient();
  back_end_.say_header({kGetFeatures, kAnswer, 8});
  EXPECT_EQ(error_of_get(), VhostUserError::TooLate);
}

TEST_F(VhostUserChannelTest, silence_in_the_middle_of_a_header_ends_at_the_deadline) {
  be_impatient();
  back_end_.say(std::array<std::byte, 5>{});
  EXPECT_EQ(error_of_get(), VhostUserError::TooLate);
}

TEST_F(VhostUserChannelTest, back_end_that_takes_nothing_ends_at_the_deadline) {
  be_impatient();
  Result<void, VhostUserError> sent;
  for (int i = 0; i < 100'000 && sent; ++i) sent = channel_.set(Request::SET_OWNER);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error(), VhostUserError::TooLate);
}

TEST_F(VhostUserChannelTest, end_before_the_answer) {
  back_end_.close_after_that();
  EXPECT_EQ(error_of_get(), VhostUserError::Gone);
}

TEST_F(VhostUserChannelTest, end_in_the_middle_of_a_header) {
  back_end_.say(std::array<std::byte, 5>{});
  back_end_.close_after_that();
  EXPECT_EQ(error_of_get(), VhostUserError::Gone);
}

TEST_F(VhostUserChannelTest, end_between_header_and_payload) {
  back_end_.say_header({kGetFeatures, kAnswer, 8});
  back_end_.close_after_that();
  EXPECT_EQ(error_of_get(), VhostUserError::Gone);
}

TEST_F(VhostUserChannelTest, end_before_the_request) {
  back_end_.die();
  EXPECT_EQ(channel_.set(Request::SET_OWNER).error(), VhostUserError::Gone);
}

TEST_F(VhostUserChannelTest, end_is_waited_for_through_what_was_said_before_it) {
  say_eight_bytes();
  back_end_.die();
  EXPECT_TRUE(channel_.wait_for_end());
}

TEST_F(VhostUserChannelTest, end_that_does_not_come_is_not_waited_for_longer_than_the_deadline) {
  be_impatient();
  EXPECT_FALSE(channel_.wait_for_end());
}

}  // namespace
}  // namespace redoubt
