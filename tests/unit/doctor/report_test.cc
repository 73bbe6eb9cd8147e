// SPDX-License-Identifier: Apache-2.0
#include "vmm/doctor/report.h"

#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

namespace redoubt::doctor {
namespace {

const Findings kFindings = {{"one", Verdict::Good, "first", "seen", ""},
                            {"two", Verdict::Bad, "second", "bad \"quote\"", "mend it"}};

TEST(DoctorReport, text_has_marks_evidence_and_remedy) {
  EXPECT_EQ(to_text(kFindings, config::Colors::Off),
            "✓ first: seen\n"
            "✗ second: bad \"quote\"\n"
            "    → mend it\n");
}

TEST(DoctorReport, colour_is_off_unless_wanted) {
  EXPECT_EQ(to_text(kFindings, config::Colors::Off).find('\x1b'), std::string::npos);
  EXPECT_NE(to_text(kFindings, config::Colors::On).find('\x1b'), std::string::npos);
}

TEST(DoctorReport, json_is_parsed_back) {
  const auto report = nlohmann::json::parse(to_json(kFindings));

  EXPECT_EQ(report["ok"], false);
  EXPECT_EQ(report["findings"][1]["verdict"], "bad");
  EXPECT_EQ(report["findings"][1]["evidence"], "bad \"quote\"");
}

TEST(DoctorReport, json_survives_text_that_is_not_utf8) {
  const auto report = nlohmann::json::parse(to_json({{"id", Verdict::Good, "t", "\xff\xfe", ""}}));

  EXPECT_EQ(report["ok"], true);
}

}  // namespace
}  // namespace redoubt::doctor
