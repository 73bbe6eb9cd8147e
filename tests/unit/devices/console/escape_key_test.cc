// SPDX-License-Identifier: Apache-2.0
#include "devices/console/escape_key.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/unit/devices/console/support.h"

namespace redoubt {
namespace {

class EscapeKeyTest : public ::testing::Test {
 protected:
  std::string pass(std::string typed) {
    const size_t kept = key.filter(std::as_writable_bytes(std::span(typed)));
    return typed.substr(0, kept);
  }

  int quits = 0;
  int helps = 0;
  EscapeKey key{{.quit = [this] { ++quits; }, .help = [this] { ++helps; }}};
};

TEST_F(EscapeKeyTest, ordinary_text_passes) {
  EXPECT_EQ(pass("ls -l\r\x03\x04\x1b[A"), "ls -l\r\x03\x04\x1b[A");
  EXPECT_EQ(quits + helps, 0);
}

TEST_F(EscapeKeyTest, ctrl_a_x_quits_and_is_taken_out) {
  EXPECT_EQ(pass("ab\x01xcd"), "abcd");
  EXPECT_EQ(quits, 1);
}

TEST_F(EscapeKeyTest, x_alone_does_not_quit) {
  EXPECT_EQ(pass("x"), "x");
  EXPECT_EQ(quits, 0);
}

TEST_F(EscapeKeyTest, ctrl_a_a_and_ctrl_a_twice_send_one_ctrl_a) {
  EXPECT_EQ(pass("\x01"
                 "a"),
            "\x01");
  EXPECT_EQ(pass("\x01\x01"), "\x01");
  EXPECT_EQ(pass("\x01\x01x"), "\x01x");
  EXPECT_EQ(quits, 0);
}

TEST_F(EscapeKeyTest, ctrl_a_h_and_unknown_commands_show_help) {
  EXPECT_EQ(pass("\x01h\x01?\x01\xff"), "");
  EXPECT_EQ(helps, 3);
}

TEST_F(EscapeKeyTest, command_may_be_split_over_two_pieces) {
  EXPECT_EQ(pass("ab\x01"), "ab");
  EXPECT_EQ(pass("xcd"), "cd");
  EXPECT_EQ(quits, 1);
}

TEST_F(EscapeKeyTest, empty_piece_changes_nothing) {
  pass("\x01");
  EXPECT_EQ(pass(""), "");
  pass("x");
  EXPECT_EQ(quits, 1);
}

}  // namespace
}  // namespace redoubt
