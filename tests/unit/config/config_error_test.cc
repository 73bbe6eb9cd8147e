// SPDX-License-Identifier: Apache-2.0
#include "vmm/config/config_error.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/unit/config/config_testing.h"

namespace redoubt::config {
namespace {

std::string rendered(std::string_view text, Colors colors,
                     const std::vector<std::string>& overrides = {}) {
  try {
    static_cast<void>(load_text(text, overrides));
    return {};
  } catch (const ConfigError& error) {
    EXPECT_EQ(error.status(), ExitStatus::BadConfig);
    return error.render(colors);
  }
}

TEST(ConfigError, shows_the_line_with_a_caret_below_the_place) {
  EXPECT_EQ(rendered("boot: {kernel: I}\ncpus: many\n", Colors::Off, {"cpus=0"}),
            "test.yaml:2:7: error: cpus: expected an integer from 1 to 64, got \"many\"\n"
            "   2 | cpus: many\n"
            "     |       ^\n"
            "--set cpus: error: expected an integer from 1 to 64, got \"0\"\n");
}

TEST(ConfigError, caret_stands_right_behind_wide_and_tabbed_text) {
  EXPECT_EQ(rendered("{boot: {kernel: \"é\"},\tcpus: many}\n", Colors::Off),
            "test.yaml:1:29: error: cpus: expected an integer from 1 to 64, got \"many\"\n"
            "   1 | {boot: {kernel: \"é\"},\tcpus: many}\n"
            "     |                      \t      ^\n");
}

TEST(ConfigError, colours_are_there_only_if_wanted) {
  EXPECT_EQ(rendered("cpus: 1\n", Colors::Off).find('\x1b'), std::string::npos);
  EXPECT_EQ(rendered("cpus: 1\n", Colors::On),
            "\x1b[1mtest.yaml:1:1: \x1b[0m\x1b[1;31merror: \x1b[0m"
            "\x1b[1mboot.kernel: is required, and not given\x1b[0m\n"
            "   1 | cpus: 1\n"
            "     | \x1b[1;31m^\x1b[0m\n");
}

TEST(ConfigError, what_a_file_holds_cannot_command_the_terminal) {
  EXPECT_EQ(rendered("a: \x1b[2J\xc2\x9b", Colors::Off).find_first_of("\x1b\x9b"),
            std::string::npos);
}

TEST(ConfigError, long_lines_are_cut) {
  EXPECT_LT(rendered("cpus: " + std::string(100'000, 'x'), Colors::Off).size(), 1000U);
}

TEST(Printable, cuts_between_characters) {
  EXPECT_EQ(printable("aé", 2), "aé");
  EXPECT_EQ(printable("aéb", 3), "aé…");
  EXPECT_EQ(printable("a\nb\xff"), "a?b?");
}

}  // namespace
}  // namespace redoubt::config
