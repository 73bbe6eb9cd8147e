// SPDX-License-Identifier: Apache-2.0
#include "vmm/memory/proc_file.h"

#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

namespace redoubt {
namespace {

class ProcFile : public testing::Test {
 protected:
  ProcFile() {
    std::ofstream(path_) << "VmLckX:\t     999 kB\nVmLck:\t      12 kB\nCapEff:\t000001fffeffffff\n"
                            "Empty:\nBare:\t7\nHuge:\t99999999999999999999 kB\n";
  }
  ~ProcFile() override { std::filesystem::remove(path_); }

  std::filesystem::path path_ =
      std::filesystem::temp_directory_path() / ("redoubt-proc-file-" + std::to_string(::getpid()));
};

TEST_F(ProcFile, field_is_found_by_its_whole_name) {
  EXPECT_EQ(proc_field(path_, "VmLck"), "12 kB");
  EXPECT_EQ(proc_field(path_, "CapEff"), "000001fffeffffff");
}

TEST_F(ProcFile, field_without_value_is_empty) { EXPECT_EQ(proc_field(path_, "Empty"), ""); }

TEST_F(ProcFile, missing_field_is_nothing) { EXPECT_FALSE(proc_field(path_, "VmPin")); }

TEST_F(ProcFile, missing_file_is_nothing) {
  EXPECT_FALSE(proc_field(path_ / "no-such-file", "VmLck"));
}

TEST_F(ProcFile, kilobytes_become_bytes) {
  EXPECT_EQ(proc_field_bytes(path_, "VmLck"), 12u * 1024);
}

TEST_F(ProcFile, number_without_unit_is_no_size) { EXPECT_FALSE(proc_field_bytes(path_, "Bare")); }

TEST_F(ProcFile, size_that_does_not_fit_is_nothing) {
  EXPECT_FALSE(proc_field_bytes(path_, "Huge"));
}

TEST(ParseNumber, takes_whole_numbers_of_the_base) {
  EXPECT_EQ(parse_number("42", 10), 42u);
  EXPECT_EQ(parse_number("42 kB", 10), 42u);
  EXPECT_EQ(parse_number("1fF", 16), 0x1ffu);
}

TEST(ParseNumber, refuses_everything_else) {
  EXPECT_FALSE(parse_number("", 10));
  EXPECT_FALSE(parse_number("max", 10));
  EXPECT_FALSE(parse_number("12x", 10));
  EXPECT_FALSE(parse_number("-1", 10));
}

}  // namespace
}  // namespace redoubt
