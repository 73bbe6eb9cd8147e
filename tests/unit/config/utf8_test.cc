// SPDX-License-Identifier: Apache-2.0
#include "vmm/config/utf8.h"

#include <gtest/gtest.h>

namespace redoubt::config {
namespace {

TEST(Utf8, well_formed_sequences_have_their_length) {
  EXPECT_EQ(utf8_length("a"), 1U);
  EXPECT_EQ(utf8_length("\xc2\x80"), 2U);
  EXPECT_EQ(utf8_length("\xe0\xa0\x80"), 3U);
  EXPECT_EQ(utf8_length("\xf4\x8f\xbf\xbf"), 4U);
}

TEST(Utf8, ill_formed_sequences_have_none) {
  EXPECT_EQ(utf8_length(""), 0U);
  EXPECT_EQ(utf8_length("\x80"), 0U);  // continuation first
  EXPECT_EQ(utf8_length("\xc3"), 0U);  // cut short
  EXPECT_EQ(utf8_length("\xe2\x82"
                        "a"),
            0U);                                   // cut short by another character
  EXPECT_EQ(utf8_length("\xc1\xbf"), 0U);          // overlong
  EXPECT_EQ(utf8_length("\xe0\x9f\xbf"), 0U);      // overlong
  EXPECT_EQ(utf8_length("\xf0\x8f\xbf\xbf"), 0U);  // overlong
  EXPECT_EQ(utf8_length("\xed\xa0\x80"), 0U);      // surrogate
  EXPECT_EQ(utf8_length("\xf4\x90\x80\x80"), 0U);  // beyond U+10FFFF
  EXPECT_EQ(utf8_length("\xff"), 0U);
}

TEST(Utf8, counts_characters_and_stray_bytes) { EXPECT_EQ(utf8_count("aé€\xff"), 4U); }

}  // namespace
}  // namespace redoubt::config
