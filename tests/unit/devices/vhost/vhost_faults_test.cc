// SPDX-License-Identifier: Apache-2.0
#include "devices/vhost/vhost_faults.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/unit/devices/run_until.h"

namespace redoubt {
namespace {

class VhostFaultsTest : public testing::Test {
 protected:
  void kernel_signals() {
    const uint64_t one = 1;
    ASSERT_EQ(::write(faults_.broken_ring().get(), &one, sizeof one), 8);
  }
  EventLoop loop_;
  std::vector<std::string> failures_;
  VhostFaults faults_{loop_, [this](std::string_view why) { failures_.emplace_back(why); }};
};

TEST_F(VhostFaultsTest, nothing_fails_by_itself) {
  run_some(loop_);
  EXPECT_TRUE(failures_.empty());
}

TEST_F(VhostFaultsTest, report_fails_the_device_when_the_loop_comes_round) {
  faults_.begin();
  faults_.report("no such thing");
  EXPECT_TRUE(failures_.empty());
  run_some(loop_);
  EXPECT_EQ(failures_, std::vector<std::string>{"no such thing"});
}

TEST_F(VhostFaultsTest, signal_of_the_kernel_fails_the_device_once) {
  faults_.begin();
  kernel_signals();
  kernel_signals();
  run_some(loop_);
  ASSERT_EQ(failures_.size(), 1U);
  EXPECT_NE(failures_[0].find("vhost met a ring or a buffer"), std::string::npos);
}

TEST_F(VhostFaultsTest, what_came_before_a_reset_is_forgotten) {
  faults_.begin();
  faults_.report("of the driver before");
  faults_.forget();
  run_some(loop_);
  EXPECT_TRUE(failures_.empty());
}

TEST_F(VhostFaultsTest, reason_of_the_driver_before_is_not_told_of_the_next) {
  faults_.begin();
  faults_.report("of the driver before");
  faults_.forget();
  faults_.begin();
  kernel_signals();
  run_some(loop_);
  ASSERT_EQ(failures_.size(), 1U);
  EXPECT_EQ(failures_[0].find("of the driver before"), std::string::npos);
}

}  // namespace
}  // namespace redoubt
