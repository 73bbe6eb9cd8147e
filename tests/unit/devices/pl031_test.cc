// SPDX-License-Identifier: Apache-2.0
#include "devices/pl031.h"

#include <ctime>

#include <gtest/gtest.h>

#include "tests/unit/devices/fakes.h"
#include "tests/unit/devices/run_until.h"

namespace redoubt {
namespace {

// ARM DDI 0224C, table 3-1.
constexpr uint64_t kDr = 0x00;
constexpr uint64_t kMr = 0x04;
constexpr uint64_t kLr = 0x08;
constexpr uint64_t kCr = 0x0c;
constexpr uint64_t kImsc = 0x10;
constexpr uint64_t kRis = 0x14;
constexpr uint64_t kMis = 0x18;
constexpr uint64_t kIcr = 0x1c;

class Pl031Test : public ::testing::Test {
 protected:
  EventLoop loop;
  FakeInterrupt interrupt;
  // A few minutes after 1970: a timer of the device, set by this clock, has always expired by the
  // host's.
  int64_t now = 1000;
  Pl031 rtc{GuestRange(GuestAddress(0x0901'0000), 0x1000), 2, interrupt, loop,
            [this] { return now; }};
};

TEST_F(Pl031Test, count_is_the_time) {
  EXPECT_EQ(read32(rtc, kDr), 1000u);
  now = 1234;
  EXPECT_EQ(read32(rtc, kDr), 1234u);
}

TEST_F(Pl031Test, count_follows_the_host_by_default) {
  Pl031 real(GuestRange(GuestAddress(0x0901'0000), 0x1000), 2, interrupt, loop);
  const auto before = static_cast<uint32_t>(::time(nullptr));
  const uint32_t count = read32(real, kDr);
  const auto after = static_cast<uint32_t>(::time(nullptr));
  EXPECT_GE(count, before);
  EXPECT_LE(count, after + 1);  // time() may lag behind the clock by a tick
}

TEST_F(Pl031Test, loaded_value_runs_on) {
  write32(rtc, kLr, 5);
  EXPECT_EQ(read32(rtc, kDr), 5u);
  EXPECT_EQ(read32(rtc, kLr), 5u);
  now += 10;
  EXPECT_EQ(read32(rtc, kDr), 15u);
  EXPECT_EQ(read32(rtc, kLr), 5u);
}

TEST_F(Pl031Test, count_wraps_around) {
  write32(rtc, kLr, 0xffff'ffff);
  now += 1;
  EXPECT_EQ(read32(rtc, kDr), 0u);
}

TEST_F(Pl031Test, clock_always_runs) {
  EXPECT_EQ(read32(rtc, kCr), 1u);
  write32(rtc, kCr, 0);
  EXPECT_EQ(read32(rtc, kCr), 1u);
}

TEST_F(Pl031Test, match_with_the_present_raises_at_once) {
  write32(rtc, kImsc, 1);
  write32(rtc, kMr, 1000);
  EXPECT_EQ(read32(rtc, kRis), 1u);
  EXPECT_EQ(read32(rtc, kMis), 1u);
  EXPECT_TRUE(interrupt.high());
}

TEST_F(Pl031Test, match_in_the_future_is_raised_when_its_time_has_come) {
  write32(rtc, kImsc, 1);
  write32(rtc, kMr, 1060);
  run_some(loop);
  ASSERT_FALSE(interrupt.high());

  now = 1060;

  EXPECT_TRUE(run_until(loop, [&] { return interrupt.high(); }));
  EXPECT_EQ(read32(rtc, kRis), 1u);
}

TEST_F(Pl031Test, match_is_raised_when_the_clock_jumps_over_it) {
  write32(rtc, kImsc, 1);
  write32(rtc, kMr, 1060);
  now = 5000;
  EXPECT_TRUE(run_until(loop, [&] { return interrupt.high(); }));
}

TEST_F(Pl031Test, match_just_passed_is_the_whole_way_around) {
  now -= int64_t{1} << 32;
  write32(rtc, kImsc, 1);
  ASSERT_EQ(read32(rtc, kDr), 1000u);
  write32(rtc, kMr, 999);
  run_some(loop);
  EXPECT_FALSE(interrupt.high());

  now += 0xffff'ffff;

  EXPECT_EQ(read32(rtc, kDr), 999u);
  EXPECT_TRUE(run_until(loop, [&] { return interrupt.high(); }));
}

TEST_F(Pl031Test, loading_moves_the_alarm) {
  write32(rtc, kImsc, 1);
  write32(rtc, kMr, 1060);
  write32(rtc, kLr, 1059);
  now = 1001;
  EXPECT_TRUE(run_until(loop, [&] { return interrupt.high(); }));
}

TEST_F(Pl031Test, new_match_replaces_the_old_one) {
  write32(rtc, kImsc, 1);
  write32(rtc, kMr, 1060);
  write32(rtc, kMr, 2000);
  now = 1500;
  run_some(loop);
  EXPECT_FALSE(interrupt.high());
}

TEST_F(Pl031Test, alarm_is_raised_once) {
  write32(rtc, kImsc, 1);
  write32(rtc, kMr, 1000);
  write32(rtc, kIcr, 1);
  EXPECT_FALSE(interrupt.high());
  now = 1001;
  run_some(loop);
  EXPECT_EQ(read32(rtc, kRis), 0u);
}

TEST_F(Pl031Test, masked_alarm_shows_in_the_raw_status_alone) {
  write32(rtc, kMr, 1000);
  EXPECT_EQ(read32(rtc, kRis), 1u);
  EXPECT_EQ(read32(rtc, kMis), 0u);
  EXPECT_FALSE(interrupt.high());
  write32(rtc, kImsc, 1);
  EXPECT_TRUE(interrupt.high());
  write32(rtc, kImsc, 0);
  EXPECT_FALSE(interrupt.high());
}

TEST_F(Pl031Test, clearing_needs_the_bit) {
  write32(rtc, kMr, 1000);
  write32(rtc, kIcr, 0xffff'fffe);
  EXPECT_EQ(read32(rtc, kRis), 1u);
}

TEST_F(Pl031Test, alarm_on_the_real_clock_arrives) {
  FakeInterrupt real_interrupt;
  Pl031 real(GuestRange(GuestAddress(0x0901'0000), 0x1000), 2, real_interrupt, loop);
  write32(real, kImsc, 1);
  write32(real, kMr, read32(real, kDr) + 1);
  EXPECT_TRUE(run_until(loop, [&] { return real_interrupt.high(); }));
}

TEST_F(Pl031Test, identification_is_that_of_an_arm_pl031) {
  const uint32_t expected[] = {0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
  for (uint64_t i = 0; i < 8; ++i) EXPECT_EQ(read32(rtc, 0xfe0 + 4 * i), expected[i]) << i;
}

TEST_F(Pl031Test, read_only_registers_ignore_writes) {
  for (const uint64_t offset : {kDr, kRis, kMis}) {
    const uint32_t before = read32(rtc, offset);
    write32(rtc, offset, ~before);
    EXPECT_EQ(read32(rtc, offset), before) << offset;
  }
}

}  // namespace
}  // namespace redoubt
