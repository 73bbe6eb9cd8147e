// SPDX-License-Identifier: Apache-2.0
#include "vmm/memory/available_memory.h"

#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "vmm/memory/proc_file.h"

namespace redoubt {
namespace {

class ControlGroups : public testing::Test {
 protected:
  ControlGroups() { std::filesystem::create_directories(root_ / "a" / "b"); }
  ~ControlGroups() override { std::filesystem::remove_all(root_); }

  void set(const std::filesystem::path& group, const std::string& max, const std::string& current,
           const std::string& stat = "") {
    std::ofstream(root_ / group / "memory.max") << max << "\n";
    std::ofstream(root_ / group / "memory.current") << current << "\n";
    std::ofstream(root_ / group / "memory.stat") << stat;
  }

  std::filesystem::path root_ =
      std::filesystem::temp_directory_path() / ("redoubt-groups-" + std::to_string(::getpid()));
};

TEST_F(ControlGroups, groups_without_limit_do_not_limit) {
  set("a", "max", "1000");
  EXPECT_FALSE(control_group_headroom(root_, "/a/b"));
}

TEST_F(ControlGroups, headroom_is_limit_minus_use) {
  set("a/b", "5000", "1000");
  EXPECT_EQ(control_group_headroom(root_, "/a/b"), 4000u);
}

TEST_F(ControlGroups, tightest_ancestor_counts) {
  set("a", "3000", "1000");
  set("a/b", "5000", "1000");
  EXPECT_EQ(control_group_headroom(root_, "/a/b"), 2000u);
}

TEST_F(ControlGroups, file_cache_counts_as_free) {
  set("a/b", "5000", "4000", "anon 100\nactive_file 1000\ninactive_file 500\nshmem 900\n");
  EXPECT_EQ(control_group_headroom(root_, "/a/b"), 2500u);
}

TEST_F(ControlGroups, group_over_its_limit_has_nothing_left) {
  set("a/b", "1000", "4000");
  EXPECT_EQ(control_group_headroom(root_, "/a/b"), 0u);
}

TEST_F(ControlGroups, missing_group_does_not_limit) {
  EXPECT_FALSE(control_group_headroom(root_, "/no/such/group"));
}

TEST_F(ControlGroups, root_group_is_considered) {
  set("", "1000", "400");
  EXPECT_EQ(control_group_headroom(root_, "/"), 600u);
}

TEST(AvailableMemory, is_no_more_than_the_host_has) {
  const auto total = proc_field_bytes("/proc/meminfo", "MemTotal");
  ASSERT_TRUE(total);
  EXPECT_GT(available_memory_bytes(), 0u);
  EXPECT_LE(available_memory_bytes(), *total);
}

}  // namespace
}  // namespace redoubt
