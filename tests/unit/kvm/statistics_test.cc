// SPDX-License-Identifier: Apache-2.0
//
// Files made as api.rst of Linux says (4.133), and files that are not.
#include "vmm/kvm/statistics.h"

#include <cerrno>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/unit/kvm/statistics_file.h"

namespace redoubt::kvm {
namespace {

void expect_malformed(const std::string& bytes) {
  const auto statistics = read(bytes);
  ASSERT_FALSE(statistics);
  EXPECT_EQ(statistics.error().value(), EBADMSG);
}

TEST(Statistics, numbers_are_found_by_their_names) {
  const auto statistics =
      read(StatisticsFile({{"exits", 7}, {"pkvm_mem_faults", uint64_t{1} << 40}}).bytes());

  ASSERT_TRUE(statistics);
  EXPECT_EQ(statistics->value("exits"), 7U);
  EXPECT_EQ(statistics->value("pkvm_mem_faults"), uint64_t{1} << 40);
}

TEST(Statistics, name_that_the_kernel_does_not_have_is_nothing) {
  const auto statistics = read(StatisticsFile({{"exits", 7}}).bytes());

  ASSERT_TRUE(statistics);
  EXPECT_EQ(statistics->value("exit"), std::nullopt);
  EXPECT_EQ(statistics->value("exits2"), std::nullopt);
  EXPECT_EQ(statistics->value(""), std::nullopt);
}

TEST(Statistics, kernel_that_counts_nothing_is_none_the_worse) {
  const auto statistics = read(StatisticsFile({}).bytes());

  ASSERT_TRUE(statistics);
  EXPECT_EQ(statistics->value("exits"), std::nullopt);
}

TEST(Statistics, what_is_no_plain_number_is_left_out_and_nothing_after_it) {
  const auto statistics = read(
      StatisticsFile({
                         {"histogram", 1, KVM_STATS_TYPE_LOG_HIST | KVM_STATS_UNIT_NONE, 0, 32},
                         {"one_bucket", 2, KVM_STATS_TYPE_LINEAR_HIST | KVM_STATS_UNIT_NONE},
                         {"seconds", 3, KVM_STATS_TYPE_CUMULATIVE | KVM_STATS_UNIT_SECONDS},
                         {"thousands", 4, kPlain, 3},
                         {"plain", 5, KVM_STATS_TYPE_INSTANT | KVM_STATS_UNIT_NONE},
                     })
          .bytes());

  ASSERT_TRUE(statistics);
  for (const char* name : {"histogram", "one_bucket", "seconds", "thousands"}) {
    EXPECT_EQ(statistics->value(name), std::nullopt) << name;
  }
  EXPECT_EQ(statistics->value("plain"), 5U);
}

TEST(Statistics, file_that_ends_early_is_malformed_wherever_it_ends) {
  const std::string bytes = StatisticsFile({{"exits", 7}, {"donated", 8}}).bytes();
  for (size_t size = 0; size < bytes.size(); ++size) expect_malformed(bytes.substr(0, size));
}

TEST(Statistics, header_without_bounds_is_malformed) {
  StatisticsFile file({{"exits", 7}});
  file.header.num_desc = 0xffff'ffff;
  expect_malformed(file.bytes());
  file.header.num_desc = 1;
  file.header.name_size = 0;
  expect_malformed(file.bytes());
  file.header.name_size = 0xffff'ffff;
  expect_malformed(file.bytes());
}

TEST(Statistics, offsets_beyond_the_file_are_malformed) {
  for (uint32_t kvm_stats_header::*offset :
       {&kvm_stats_header::desc_offset, &kvm_stats_header::data_offset}) {
    StatisticsFile file({{"exits", 7}});
    file.header.*offset = 0xffff'fff8;
    expect_malformed(file.bytes());
  }
}

TEST(Statistics, names_without_an_end_or_of_no_letters_are_malformed) {
  expect_malformed(StatisticsFile({{std::string_view("x"), 7}, {"", 8}}).bytes());
  const std::string endless(kNameSize, 'x');
  expect_malformed(StatisticsFile({{endless, 7}}).bytes());
}

TEST(Statistics, name_that_stands_for_two_numbers_is_malformed) {
  expect_malformed(StatisticsFile({{"exits", 7}, {"exits", 8}}).bytes());
}

TEST(Statistics, file_that_cannot_be_read_is_the_systems_error) {
  const auto statistics = Statistics::read(BorrowedFd(-1));

  ASSERT_FALSE(statistics);
  EXPECT_EQ(statistics.error().value(), EBADF);
}

}  // namespace
}  // namespace redoubt::kvm
