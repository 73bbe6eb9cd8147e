// SPDX-License-Identifier: Apache-2.0
#include "tests/board/report/results.h"

#include <gtest/gtest.h>

#include "tests/board/report/xml_reader.h"
#include "tests/unit/report/example_report.h"

namespace redoubt::report {
namespace {

TEST(ResultsTest, every_outcome_is_understood) {
  const Results results(kExampleReport);

  ASSERT_EQ(results.suites().size(), 2U);
  const auto& cases = results.suites()[0].cases;
  ASSERT_EQ(cases.size(), 3U);
  EXPECT_EQ(cases[0].outcome, Outcome::Passed);
  EXPECT_EQ(cases[0].suite, "boot");
  EXPECT_EQ(cases[0].test(), "BootLinux.good");
  EXPECT_EQ(cases[0].seconds, 1.5);
  EXPECT_EQ(cases[1].outcome, Outcome::Failed);
  EXPECT_EQ(cases[1].message, "a.cc:1\n1 < 2 & \"quoted\" # \\ \na.cc:2\nsecond");
  EXPECT_EQ(cases[2].outcome, Outcome::Skipped);
  EXPECT_EQ(cases[2].reason(), "no <KSM> #1");
}

TEST(ResultsTest, counts_are_of_tests) {
  const Counts counts = Results(kExampleReport).counts();

  EXPECT_EQ(counts.passed, 2U);
  EXPECT_EQ(counts.failed, 1U);
  EXPECT_EQ(counts.skipped, 1U);
  EXPECT_EQ(counts.total(), 4U);
  EXPECT_DOUBLE_EQ(counts.seconds, 3.751);
}

TEST(ResultsTest, a_test_that_failed_and_was_skipped_has_failed) {
  const Results results(
      "<testsuites><testcase classname='a.B' name='c'><failure message='why'/><skipped "
      "message='late'/></testcase></testsuites>");

  EXPECT_EQ(results.suites()[0].cases[0].outcome, Outcome::Failed);
  EXPECT_EQ(results.suites()[0].cases[0].message, "why");
}

TEST(ResultsTest, skips_are_told_by_reason_the_most_frequent_first) {
  const Results results(
      "<testsuites>"
      "<testcase classname='a.B' name='one'><skipped message='rare'/></testcase>"
      "<testcase classname='a.B' name='two'><skipped message='x.cc:7&#10;common'/></testcase>"
      "<testcase classname='c.D' name='three'><skipped message='y.cc:9&#10;common'/></testcase>"
      "<testcase classname='c.D' name='four'><skipped/></testcase>"
      "</testsuites>");

  const auto skips = results.skips();
  ASSERT_EQ(skips.size(), 3U);
  EXPECT_EQ(skips[0].reason, "common");
  EXPECT_EQ(skips[0].cases.size(), 2U);
  EXPECT_EQ(skips[1].reason, "rare");
  EXPECT_EQ(skips[2].reason, "no reason given");
}

TEST(ResultsTest, bytes_that_no_xml_holds_do_not_lose_the_report) {
  const Results results(
      "<testsuites><testcase classname='a.B' name='c'><failure message='\x01\xff'/></testcase>"
      "</testsuites>");

  EXPECT_EQ(results.suites()[0].cases[0].message, "\ufffd\ufffd");
}

TEST(ResultsTest, tests_of_a_suite_come_together_wherever_they_stand) {
  const Results results(
      "<testsuites><testcase classname='a.B' name='1'/><testcase classname='c.D' name='2'/>"
      "<testcase classname='a.E' name='3'/></testsuites>");

  ASSERT_EQ(results.suites().size(), 2U);
  EXPECT_EQ(results.suites()[0].cases[1].test(), "E.3");
}

TEST(ResultsTest, other_documents_are_refused) {
  EXPECT_THROW(Results("<html/>"), XmlError);
  EXPECT_THROW(Results("{}"), XmlError);
}

}  // namespace
}  // namespace redoubt::report
