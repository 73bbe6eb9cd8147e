// SPDX-License-Identifier: Apache-2.0
#include "tests/board/report/results.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "tests/board/report/text.h"
#include "tests/board/report/xml_reader.h"

namespace redoubt::report {

namespace {

double number_of(const std::string& text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

void take_outcome(const XmlElement& element, Case& test) {
  for (const XmlElement& child : element.children) {
    const std::string said = child.attribute("message");
    if (child.name == "failure" || child.name == "error") {
      const std::string more = trimmed(child.text).empty() ? said : child.text;
      test.message += (test.outcome == Outcome::Failed ? "\n" : "") + more;
      test.outcome = Outcome::Failed;
    } else if (child.name == "skipped" && test.outcome != Outcome::Failed) {
      test.message = said.empty() ? child.text : said;
      test.outcome = Outcome::Skipped;
    }
  }
}

Case case_of(const XmlElement& element) {
  const std::string group = element.attribute("classname");
  const size_t dot = std::min(group.find('.'), group.size());
  Case test;
  test.suite = clean(group.substr(0, dot));
  test.group =
      clean(dot == group.size() ? std::string_view() : std::string_view(group).substr(dot + 1));
  test.name = clean(element.attribute("name"));
  test.seconds = number_of(element.attribute("time"));
  take_outcome(element, test);
  test.message = clean(trimmed(test.message));
  return test;
}

void collect(const XmlElement& element, std::vector<Suite>& suites) {
  if (element.name == "testcase" && element.attribute("status") != "notrun") {
    Case test = case_of(element);
    auto suite = std::find_if(suites.begin(), suites.end(),
                              [&](const Suite& known) { return known.name == test.suite; });
    if (suite == suites.end()) suite = suites.insert(suites.end(), Suite{test.suite, {}});
    suite->cases.push_back(std::move(test));
  }
  for (const XmlElement& child : element.children) collect(child, suites);
}

}  // namespace

std::string_view word_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::Passed: return "passed";
    case Outcome::Failed: return "failed";
    case Outcome::Skipped: return "skipped";
  }
  return "unknown";
}

std::string Case::reason() const {
  std::string reason;
  for (const std::string_view line : lines_of(message)) {
    // GoogleTest says where before it says why: "folder/file.cc:12".
    const size_t colon = line.rfind(".cc:");
    const bool is_place = colon != std::string_view::npos && colon + 4 < line.size() &&
                          line.find_first_not_of("0123456789", colon + 4) == std::string::npos;
    if (is_place || trimmed(line).empty()) continue;
    reason += (reason.empty() ? "" : " ") + std::string(trimmed(line));
  }
  return reason.empty() ? "no reason given" : reason;
}

void Counts::add(const Case& test) {
  (test.outcome == Outcome::Passed   ? passed
   : test.outcome == Outcome::Failed ? failed
                                     : skipped) += 1;
  seconds += test.seconds;
}

Counts Suite::counts() const {
  Counts counts;
  for (const Case& test : cases) counts.add(test);
  return counts;
}

Results::Results(std::string_view junit) {
  const XmlElement root = read_xml(clean(junit));
  if (root.name != "testsuites" && root.name != "testsuite") {
    throw XmlError("<" + root.name + "> is no JUnit report");
  }
  collect(root, suites_);
}

Counts Results::counts() const {
  Counts counts;
  for (const Suite& suite : suites_) {
    for (const Case& test : suite.cases) counts.add(test);
  }
  return counts;
}

std::vector<const Case*> Results::with(Outcome outcome) const {
  std::vector<const Case*> found;
  for (const Suite& suite : suites_) {
    for (const Case& test : suite.cases) {
      if (test.outcome == outcome) found.push_back(&test);
    }
  }
  return found;
}

std::vector<Results::Skips> Results::skips() const {
  std::vector<Skips> skips;
  for (const Case* test : with(Outcome::Skipped)) {
    const std::string reason = test->reason();
    auto same = std::find_if(skips.begin(), skips.end(),
                             [&](const Skips& known) { return known.reason == reason; });
    if (same == skips.end()) same = skips.insert(skips.end(), Skips{reason, {}});
    same->cases.push_back(test);
  }
  std::stable_sort(skips.begin(), skips.end(), [](const Skips& one, const Skips& other) {
    return one.cases.size() > other.cases.size();
  });
  return skips;
}

}  // namespace redoubt::report
