// SPDX-License-Identifier: Apache-2.0
//
// The status machine and the negotiation of features, through the registers (bug classes 24, 25
// and 26).
#include <cstdint>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/devices/virtio/mmio_fixture.h"

namespace redoubt {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using namespace virtio;  // NOLINT(google-build-using-namespace)

constexpr uint64_t kOffered =
    EchoDevice::kFeature | kIndirectDesc | kEventIdx | kVersion1 | kAccessPlatform | kRingReset;

class NegotiationTest : public MmioFixture {};

TEST_F(NegotiationTest, features_of_device_queues_and_transport_are_offered_and_no_others) {
  EXPECT_EQ(offered(), kOffered);  // and so not RING_PACKED, NOTIFICATION_DATA, …
}

TEST_F(NegotiationTest, feature_words_from_the_third_on_are_empty) {
  for (const uint32_t select : {2u, 3u, 0x8000'0000u, 0xffff'ffffu}) {
    set(Register::DeviceFeaturesSel, select);
    EXPECT_EQ(get(Register::DeviceFeatures), 0u) << select;
  }
}

TEST_F(NegotiationTest, device_sees_what_both_sides_have) {
  ASSERT_TRUE(negotiate(kVersion1 | kAccessPlatform | kEventIdx));
  ASSERT_TRUE(set_up_queue(0));
  driver_ok();
  EXPECT_EQ(device.seen_features, kVersion1 | kAccessPlatform | kEventIdx);
}

TEST_F(NegotiationTest, every_single_feature_that_was_not_offered_is_refused) {
  for (int bit = 0; bit < 64; ++bit) {
    const uint64_t feature = uint64_t{1} << bit;
    EXPECT_EQ(negotiate(kVersion1 | kAccessPlatform | feature), (kOffered & feature) != 0) << bit;
  }
  EXPECT_EQ(device.starts, 0);
}

TEST_F(NegotiationTest, all_features_at_once_are_refused) {
  EXPECT_FALSE(negotiate(~uint64_t{0}));
  driver_ok();
  EXPECT_EQ(get(Register::Status), kAcknowledge | kDriver);
  EXPECT_EQ(device.starts, 0);
  EXPECT_EQ(device.seen_features, 0u);
}

TEST_F(NegotiationTest, feature_beyond_the_64th_bit_is_refused) {
  for (const uint32_t select : {2u, 3u, 0xffff'ffffu}) {
    set(Register::Status, 0);
    add_status(kAcknowledge);
    add_status(kDriver);
    choose(kOffered);
    set(Register::DriverFeaturesSel, select);
    set(Register::DriverFeatures, 1);
    add_status(kFeaturesOk);
    EXPECT_EQ(get(Register::Status), kAcknowledge | kDriver) << select;
  }
}

TEST_F(NegotiationTest, zeroes_beyond_the_64th_bit_are_nothing) {
  set(Register::Status, 0);
  add_status(kAcknowledge);
  add_status(kDriver);
  choose(kOffered);
  set(Register::DriverFeaturesSel, 2);
  set(Register::DriverFeatures, 0);
  add_status(kFeaturesOk);
  EXPECT_EQ(get(Register::Status), kAcknowledge | kDriver | kFeaturesOk);
}

TEST_F(NegotiationTest, driver_may_choose_again_after_a_refusal) {
  ASSERT_FALSE(negotiate(~uint64_t{0}));
  choose(kOffered);
  add_status(kFeaturesOk);
  EXPECT_NE(get(Register::Status) & kFeaturesOk, 0u);
}

TEST_F(NegotiationTest, features_chosen_before_driver_do_not_count) {
  set(Register::Status, 0);
  add_status(kAcknowledge);
  choose(kOffered);
  add_status(kDriver);
  add_status(kFeaturesOk);
  EXPECT_EQ(get(Register::Status), kAcknowledge | kDriver);  // no VERSION_1
}

TEST_F(NegotiationTest, features_chosen_after_features_ok_do_not_count) {
  ASSERT_TRUE(negotiate(kVersion1 | kAccessPlatform));
  choose(~uint64_t{0});
  ASSERT_TRUE(set_up_queue(0));
  driver_ok();
  EXPECT_EQ(device.seen_features, kVersion1 | kAccessPlatform);
}

TEST_F(NegotiationTest, reset_forgets_the_choice) {
  ASSERT_TRUE(negotiate());
  set(Register::Status, 0);
  add_status(kAcknowledge);
  add_status(kDriver);
  add_status(kFeaturesOk);
  EXPECT_EQ(get(Register::Status), kAcknowledge | kDriver);
}

// Every sequence of four writes of every combination of the bits, against the rules in words.
TEST_F(NegotiationTest, every_sequence_of_status_writes_follows_the_rules) {
  const std::vector<uint32_t> writes = {1, 2, 3, 4, 7, 8, 11, 12, 15, 64, 128, 0x70, 0xff};
  const auto has = [](uint32_t value, uint32_t bits) { return (value & bits) == bits; };
  for (const uint32_t first : writes) {
    for (const uint32_t second : writes) {
      for (const uint32_t third : writes) {
        for (const uint32_t fourth : writes) {
          set(Register::Status, 0);
          uint32_t before = 0;
          for (const uint32_t written : {first, second, third, fourth}) {
            choose(kOffered);
            set(Register::Status, written);
            const uint32_t after = get(Register::Status);
            ASSERT_TRUE(has(after, before)) << "a bit was cleared";
            ASSERT_TRUE(has(before | written, after)) << "a bit nobody wrote";
            ASSERT_FALSE(has(after, kNeedsReset));
            ASSERT_TRUE(!has(after, kDriver) || has(after, kAcknowledge));
            ASSERT_TRUE(!has(after, kFeaturesOk) || has(after, kDriver));
            ASSERT_TRUE(!has(after, kDriverOk) || has(after, kFeaturesOk));
            // Features can be chosen in DRIVER only, so FEATURES_OK never comes in its write.
            ASSERT_TRUE(!has(after & ~before, kFeaturesOk) || has(before, kDriver));
            ASSERT_TRUE(!has(before, kFailed) || after == before) << "it had failed";
            before = after;
          }
        }
      }
    }
  }
}

TEST_F(NegotiationTest, device_starts_once_for_each_driver_ok) {
  bring_up();
  EXPECT_EQ(device.starts, 1);
  add_status(kDriverOk);
  run_some(loop);
  EXPECT_EQ(device.starts, 1);
  bring_up();
  EXPECT_EQ(device.starts, 2);
}

TEST_F(NegotiationTest, reset_before_the_loop_came_round_means_no_start) {
  ASSERT_TRUE(negotiate());
  ASSERT_TRUE(set_up_queue(0));
  add_status(kDriverOk);
  set(Register::Status, 0);
  run_some(loop);
  EXPECT_EQ(device.starts, 0);
}

// --- What a protected guest has to accept

TEST_F(NegotiationTest, protected_guest_without_access_platform_is_refused_and_told_why_once) {
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(negotiate(kVersion1));
  EXPECT_EQ(log.text(),
            "virtio-echo e0: its driver does not accept ACCESS_PLATFORM: the guest's kernel lacks "
            "restricted DMA, that is CONFIG_DMA_RESTRICTED_POOL and CONFIG_ARM_PKVM_GUEST\n");
}

TEST_F(NegotiationTest, protected_guest_without_version_1_is_refused_and_told_why_once) {
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(negotiate(kAccessPlatform));
  EXPECT_THAT(log.text(), HasSubstr("does not accept VERSION_1"));
  EXPECT_EQ(log.text().find("VERSION_1"), log.text().rfind("VERSION_1"));
}

TEST_F(NegotiationTest, features_that_were_not_offered_are_named_and_cannot_fill_the_log) {
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(negotiate(kOffered | uint64_t{1} << 34));
  EXPECT_THAT(log.text(), HasSubstr("chose features that were not offered, 0x400000000"));
  EXPECT_LT(log.text().size(), 4000u);
}

class UnprotectedNegotiationTest : public MmioFixture {
 protected:
  UnprotectedNegotiationTest() : MmioFixture(Protection::Unprotected) {}
};

TEST_F(UnprotectedNegotiationTest, version_1_is_enough) {
  EXPECT_EQ(offered(), kOffered);
  EXPECT_TRUE(negotiate(kVersion1));
  EXPECT_FALSE(negotiate(kAccessPlatform));
  EXPECT_FALSE(negotiate(0));
  EXPECT_THAT(log.text(), HasSubstr("legacy protocol"));
  EXPECT_THAT(log.text(), Not(HasSubstr("restricted DMA")));
}

class BackendNegotiationTest : public MmioFixture {
 protected:
  BackendNegotiationTest() : MmioFixture(Protection::Protected, QueueService::Backend) {}
};

TEST_F(BackendNegotiationTest, queue_reset_is_not_offered_for_a_backend) {
  EXPECT_EQ(offered(), kOffered & ~kRingReset);
}

}  // namespace
}  // namespace redoubt
