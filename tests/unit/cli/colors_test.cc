// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/colors.h"

#include <cstdlib>

#include <fcntl.h>
#include <gtest/gtest.h>

namespace redoubt::cli {
namespace {

using config::Colors;

class ColorsTest : public testing::Test {
 protected:
  ColorsTest() : terminal_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    ::setenv("TERM", "xterm", 1);
    ::unsetenv("NO_COLOR");
  }
  ~ColorsTest() override { ::unsetenv("NO_COLOR"); }

  void SetUp() override {
    if (!terminal_.valid()) GTEST_SKIP() << "no pseudoterminals here";
  }

  UniqueFd terminal_;  // the master of a pseudoterminal is a terminal itself
};

TEST_F(ColorsTest, are_on_for_a_terminal) { EXPECT_EQ(colors_for(terminal_), Colors::On); }

TEST_F(ColorsTest, are_off_for_what_is_no_terminal) {
  const UniqueFd file(::open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_EQ(colors_for(file), Colors::Off);
}

TEST_F(ColorsTest, are_off_if_unwanted) {
  ::setenv("NO_COLOR", "1", 1);
  EXPECT_EQ(colors_for(terminal_), Colors::Off);
}

TEST_F(ColorsTest, are_on_if_no_color_is_empty) {
  ::setenv("NO_COLOR", "", 1);
  EXPECT_EQ(colors_for(terminal_), Colors::On);
}

TEST_F(ColorsTest, are_off_for_a_dumb_terminal) {
  ::setenv("TERM", "dumb", 1);
  EXPECT_EQ(colors_for(terminal_), Colors::Off);
  ::unsetenv("TERM");
  EXPECT_EQ(colors_for(terminal_), Colors::Off);
}

}  // namespace
}  // namespace redoubt::cli
