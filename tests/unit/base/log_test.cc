// SPDX-License-Identifier: Apache-2.0
#include "vmm/base/log.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/base/captured_log.h"

namespace redoubt {
namespace {

constexpr int kMany = 10'000;

TEST(RateLimit, burst_is_admitted) {
  log::RateLimit limit(3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limit.admit(), 0) << i;
}

TEST(RateLimit, flood_is_swallowed) {
  log::RateLimit limit(3);
  int admitted = 0;
  for (int i = 0; i < kMany; ++i) {
    if (limit.admit() >= 0) ++admitted;
  }
  // A few more than the burst, if the machine was so slow that tokens came back.
  EXPECT_GE(admitted, 3);
  EXPECT_LT(admitted, kMany / 10);
}

TEST(RateLimit, limits_do_not_share_their_tokens) {
  log::RateLimit exhausted(1);
  log::RateLimit fresh(1);
  for (int i = 0; i < kMany; ++i) (void)exhausted.admit();
  EXPECT_EQ(fresh.admit(), 0);
}

TEST(RateLimit, threads_together_get_little_more_than_the_burst) {
  log::RateLimit limit(5);
  std::atomic<int> admitted = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < kMany; ++j) {
        if (limit.admit() >= 0) ++admitted;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GE(admitted, 1);
  EXPECT_LT(admitted, kMany / 10);
}

TEST(Log, guest_message_is_a_warning_with_its_values) {
  const CapturedLog captured("%l %v");
  log::RateLimit limit;
  log::guest(limit, "pl011: read at {:#x}", 0x18);
  EXPECT_EQ(captured.text(), "warning pl011: read at 0x18\n");
}

TEST(Log, guest_cannot_fill_the_log) {
  const CapturedLog captured("%l %v");
  log::RateLimit limit(2);
  for (int i = 0; i < kMany; ++i) log::guest(limit, "again");
  EXPECT_LT(captured.text().size(), size_t{kMany});
}

TEST(Log, lines_end_in_cr_lf_on_a_raw_terminal_only) {
  const CapturedLog captured;
  log::set_raw_terminal(true);
  log::info("raw");
  log::set_raw_terminal(false);
  log::info("cooked");
  const std::string text = captured.text();
  EXPECT_NE(text.find("raw\r\n"), std::string::npos);
  EXPECT_NE(text.find("cooked\n"), std::string::npos);
  EXPECT_EQ(text.find("cooked\r\n"), std::string::npos);
}

}  // namespace
}  // namespace redoubt
