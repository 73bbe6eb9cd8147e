// SPDX-License-Identifier: Apache-2.0
#include "tests/board/report/formats.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/board/report/html_page.h"
#include "tests/board/report/xml_reader.h"
#include "tests/unit/report/example_report.h"

namespace redoubt::report {
namespace {

Environment environment() {
  Environment environment;
  environment.groups = {{"Board", {{"board.model", "model", "A <Board> & \xff"}}},
                        {"Kernel options", {{"config.CONFIG_KSM", "CONFIG_KSM", "y"}}}};
  environment.lacks = {{"ksm", doctor::Verdict::Note, "KSM", "it <runs>", "stop it"}};
  environment.taint_before = 0;
  environment.taint_after = 64;
  return environment;
}

void collect(const XmlElement& element, std::vector<const XmlElement*>& all) {
  all.push_back(&element);
  for (const XmlElement& child : element.children) collect(child, all);
}

// All elements of the page, which has to be well-formed for that.
class HtmlPageTest : public testing::Test {
 protected:
  explicit HtmlPageTest(const std::string& junit = kExampleReport)
      : text_(to_html(Results(junit), environment())), root_(read_xml(text_)) {
    collect(root_, all_);
  }

  [[nodiscard]] std::vector<const XmlElement*> named(std::string_view name) const {
    std::vector<const XmlElement*> found;
    for (const XmlElement* element : all_) {
      if (element->name == name) found.push_back(element);
    }
    return found;
  }
  [[nodiscard]] bool says(std::string_view text) const {
    return text_.find(text) != std::string::npos;
  }

  std::string text_;
  XmlElement root_;
  std::vector<const XmlElement*> all_;
};

TEST(TapReportTest, every_test_is_a_line_with_its_number) {
  EXPECT_EQ(to_tap(Results(kExampleReport)),
            "TAP version 13\n"
            "1..4\n"
            "ok 1 - boot.BootLinux.good\n"
            "  ---\n  duration_ms: 1500\n  ...\n"
            "not ok 2 - boot.BootLinux.bad/0\n"
            "  ---\n  duration_ms: 2000\n"
            "  message: \"a.cc:1\\n1 < 2 & \\\"quoted\\\" # \\\\ \\na.cc:2\\nsecond\"\n  ...\n"
            "ok 3 - boot.BootLinux.absent # SKIP no <KSM> \\#1\n"
            "  ---\n  duration_ms: 250\n  ...\n"
            "ok 4 - unit.UtfTest.good\n"
            "  ---\n  duration_ms: 1\n  ...\n");
}

TEST(TapReportTest, no_tests_are_a_plan_of_none) {
  EXPECT_EQ(to_tap(Results("<testsuites/>")), "TAP version 13\n1..0\n");
}

TEST(JsonReportTest, tests_counts_and_environment_are_in_it) {
  const auto json = nlohmann::json::parse(to_json(Results(kExampleReport), environment()));

  EXPECT_EQ(json["format"], 1);
  EXPECT_EQ(json["counts"]["total"], 4);
  EXPECT_EQ(json["counts"]["failed"], 1);
  EXPECT_EQ(json["suites"][1]["name"], "unit");
  EXPECT_EQ(json["suites"][1]["counts"]["passed"], 1);
  EXPECT_EQ(json["tests"][1]["test"], "BootLinux.bad/0");
  EXPECT_EQ(json["tests"][1]["outcome"], "failed");
  EXPECT_EQ(json["tests"][2]["outcome"], "skipped");
  EXPECT_EQ(json["tests"][0]["seconds"], 1.5);
  EXPECT_EQ(json["environment"]["taint_after"], 64);
  EXPECT_EQ(json["environment"]["facts"][0]["id"], "board.model");
}

TEST(SummaryTest, it_tells_what_failed_what_was_skipped_and_what_the_host_lacks) {
  EXPECT_EQ(to_summary(Results(kExampleReport), environment()),
            "failed: boot: BootLinux.bad/0\n"
            "skipped: 1 test: no <KSM> #1\n"
            "this host: KSM: it <runs>: stop it\n");
}

TEST(SummaryTest, a_run_without_trouble_is_nothing_to_talk_about) {
  EXPECT_EQ(to_summary(Results("<testsuites><testcase classname='a.B' name='c'/></testsuites>"),
                       environment()),
            "");
}

TEST(TextTest, the_environment_is_a_line_for_each_fact) {
  EXPECT_EQ(to_text(environment()),
            "Board\n"
            "  model                            A <Board> & \ufffd\n"
            "Kernel options\n"
            "  CONFIG_KSM                       y\n"
            "  taint of the kernel              0 (not tainted)\n"
            "this host: KSM: it <runs>: stop it\n");
}

TEST_F(HtmlPageTest, it_needs_nothing_besides_itself) {
  for (const char* name : {"script", "link", "img", "iframe", "object"}) {
    EXPECT_TRUE(named(name).empty()) << name;
  }
  for (const XmlElement* link : named("a")) {
    EXPECT_EQ(link->attribute("href").substr(0, 1), "#");
  }
  EXPECT_FALSE(says("url("));
  EXPECT_FALSE(says("@import"));
}

TEST_F(HtmlPageTest, every_link_leads_somewhere) {
  for (const XmlElement* link : named("a")) {
    EXPECT_TRUE(says("id=\"" + link->attribute("href").substr(1) + "\""))
        << link->attribute("href");
  }
}

TEST_F(HtmlPageTest, every_test_is_a_cell_and_a_row_with_its_outcome_in_colour_and_sign) {
  size_t cells = 0;
  for (const XmlElement* link : named("a")) {
    if (link->attribute("title").empty()) continue;
    ++cells;
    const std::string outcome = link->attribute("class");
    EXPECT_EQ(link->text, outcome == "passed" ? "✓" : outcome == "failed" ? "✗" : "–");
  }
  EXPECT_EQ(cells, 4U);
  for (const char* row :
       {"✓ passed</td><td>BootLinux.good<", "✗ failed</td><td>BootLinux.bad/0<",
        "– skipped</td><td>BootLinux.absent<", "✓ passed</td><td>UtfTest.good<"}) {
    EXPECT_TRUE(says(row)) << row;
  }
}

TEST_F(HtmlPageTest, failures_come_first_with_their_message) {
  const size_t failures = text_.find("id=\"failures\"");

  EXPECT_LT(failures, text_.find("id=\"matrix\""));
  EXPECT_LT(text_.find("<pre>a.cc:1\n1 &lt; 2 &amp; &quot;quoted&quot;"),
            text_.find("id=\"matrix\""));
  EXPECT_TRUE(says("✗ 1 test failed"));
}

TEST_F(HtmlPageTest, the_environment_is_told_with_the_taint_before_and_after) {
  EXPECT_TRUE(says("A &lt;Board&gt; &amp; \ufffd"));
  EXPECT_TRUE(says("CONFIG_KSM"));
  EXPECT_TRUE(says("0 (not tainted)"));
  EXPECT_TRUE(says("64 (U: asked for by a user)"));
  EXPECT_TRUE(says("it &lt;runs&gt;"));
}

class HtmlPageOfNothingTest : public HtmlPageTest {
 protected:
  HtmlPageOfNothingTest() : HtmlPageTest("<testsuites/>") {}
};

TEST_F(HtmlPageOfNothingTest, it_does_not_call_that_a_success) {
  EXPECT_TRUE(says("nothing could be tested"));
  EXPECT_FALSE(says("no test failed"));
}

}  // namespace
}  // namespace redoubt::report
