// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/manual.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "tests/unit/cli/cli_testing.h"
#include "vmm/config/config_keys.h"

namespace redoubt::cli {
namespace {

TEST(Manual, has_every_exit_status_once_and_in_order) {
  const std::string_view unknown = describe(static_cast<ExitStatus>(255));
  std::vector<int> described;
  for (int code = 0; code < 255; ++code) {
    if (describe(static_cast<ExitStatus>(code)) != unknown) described.push_back(code);
  }
  std::vector<int> listed;
  for (const ExitStatus status : exit_statuses()) listed.push_back(static_cast<int>(status));
  EXPECT_EQ(listed, described);
}

TEST(ManPage, names_every_subcommand_key_and_exit_status) {
  const std::string page = printed({"man"});
  for (const std::string_view subcommand : kSubcommands) {
    EXPECT_TRUE(contains(page, ".SS " + std::string(subcommand) + "\n")) << subcommand;
  }
  for (const config::ConfigSection& section : config::config_sections()) {
    for (const config::ConfigKey& key : section.keys) {
      const std::string path = section.path_of(key);
      EXPECT_TRUE(contains(page, ".TP\n\\fB" + path + "\\fR\n")) << path;
    }
  }
  for (const ExitStatus status : exit_statuses()) {
    const std::string code = std::to_string(static_cast<int>(status));
    EXPECT_TRUE(contains(page, ".TP\n\\fB" + code + "\\fR\n")) << code;
  }
  for (const char* option :
       {"\\-\\-set", "\\-\\-prove", "\\-\\-prove\\-report", "\\-\\-stats", "\\-\\-stats\\-report",
        "\\-\\-log\\-level", "\\-\\-json", "\\-o", "\\-\\-output", "\\-\\-version"}) {
    EXPECT_TRUE(contains(page, "\\fB" + std::string(option) + "\\fR")) << option;
  }
}

TEST(ManPage, has_the_sections_of_a_manual_page_in_their_order) {
  const std::string page = printed({"man"});
  EXPECT_TRUE(page.starts_with(".TH REDOUBT 1 \"\" \"redoubt 1.2.3\""));
  size_t position = 0;
  for (const char* title :
       {"NAME", "SYNOPSIS", "DESCRIPTION", "SUBCOMMANDS", "OPTIONS", "CONFIGURATION", "KEYS",
        "SIGNALS", "ENVIRONMENT", "EXIT STATUS", "EXAMPLES"}) {
    const size_t found = page.find(".SH " + std::string(title) + "\n", position);
    ASSERT_NE(found, std::string::npos) << title;
    position = found;
  }
}

TEST(ManPage, begins_no_line_of_text_with_a_request) {
  const std::string page = printed({"man"});
  for (size_t at = page.find('\n'); at + 1 < page.size(); at = page.find('\n', at + 1)) {
    if (page[at + 1] != '.') continue;
    const std::string request = page.substr(at + 2, page.find_first_of(" \n", at + 1) - at - 2);
    const std::vector<std::string> known = {"SH", "SS", "TP", "PP", "RS",
                                            "RE", "nf", "fi", "br", "B"};
    EXPECT_NE(std::find(known.begin(), known.end(), request), known.end()) << request;
  }
}

}  // namespace
}  // namespace redoubt::cli
