// SPDX-License-Identifier: Apache-2.0
#include "vmm/base/exit_status.h"

#include <set>
#include <string_view>

#include <gtest/gtest.h>

namespace redoubt {
namespace {

constexpr ExitStatus kAll[] = {
    ExitStatus::GuestOff,         ExitStatus::GuestReset,
    ExitStatus::SetupFailed,      ExitStatus::Usage,
    ExitStatus::BadConfig,        ExitStatus::HostUnfit,
    ExitStatus::MemoryRefused,    ExitStatus::BadPayload,
    ExitStatus::GuestPoisoned,    ExitStatus::MemoryExhausted,
    ExitStatus::HardwareError,    ExitStatus::BadBacking,
    ExitStatus::PageNotDonatable, ExitStatus::VcpuFailed,
    ExitStatus::HungUp,           ExitStatus::Interrupted,
    ExitStatus::Terminated,
};

TEST(ExitStatus, numbers_are_an_interface) {
  EXPECT_EQ(static_cast<int>(ExitStatus::GuestOff), 0);
  EXPECT_EQ(static_cast<int>(ExitStatus::SetupFailed), 1);
  EXPECT_EQ(static_cast<int>(ExitStatus::Usage), 2);
  EXPECT_EQ(static_cast<int>(ExitStatus::GuestReset), 32);
  EXPECT_EQ(static_cast<int>(ExitStatus::GuestPoisoned), 70);
  EXPECT_EQ(static_cast<int>(ExitStatus::VcpuFailed), 75);
  EXPECT_EQ(static_cast<int>(ExitStatus::HungUp), 128 + 1);
  EXPECT_EQ(static_cast<int>(ExitStatus::Interrupted), 128 + 2);
  EXPECT_EQ(static_cast<int>(ExitStatus::Terminated), 128 + 15);
}

TEST(ExitStatus, numbers_fit_and_are_not_shared) {
  std::set<int> numbers;
  for (const ExitStatus status : kAll) {
    const int number = static_cast<int>(status);
    EXPECT_GE(number, 0);
    EXPECT_LE(number, 255);
    EXPECT_TRUE(numbers.insert(number).second) << number;
  }
}

TEST(ExitStatus, every_one_has_a_description_of_its_own) {
  std::set<std::string_view> texts;
  for (const ExitStatus status : kAll) {
    const std::string_view text = describe(status);
    EXPECT_FALSE(text.empty());
    EXPECT_NE(text, describe(static_cast<ExitStatus>(99))) << static_cast<int>(status);
    EXPECT_TRUE(texts.insert(text).second) << text;
  }
}

}  // namespace
}  // namespace redoubt
