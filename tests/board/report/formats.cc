// SPDX-License-Identifier: Apache-2.0
#include "tests/board/report/formats.h"

#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tests/board/report/text.h"

namespace redoubt::report {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;

// # begins a directive and \ escapes it.
std::string tap_text(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '#' || c == '\\') result += '\\';
    result += c == '\n' ? ' ' : c;
  }
  return result;
}

// A diagnostic block is YAML; a string of JSON is one of YAML.
std::string tap_diagnostics(const Case& test) {
  std::string text = fmt::format("  ---\n  duration_ms: {:.0f}\n", test.seconds * 1000);
  if (test.outcome == Outcome::Failed) {
    text += fmt::format("  message: {}\n", Json(test.message).dump());
  }
  return text + "  ...\n";
}

double rounded(double seconds) { return std::round(seconds * 1000) / 1000; }

Json json_of(const Counts& counts) {
  return {{"total", counts.total()},
          {"passed", counts.passed},
          {"failed", counts.failed},
          {"skipped", counts.skipped},
          {"seconds", rounded(counts.seconds)}};
}

std::string lacks_text(const Environment& environment) {
  std::string text;
  for (const doctor::Finding& finding : environment.lacks) {
    text += fmt::format("this host: {}: {}{}{}\n", finding.title, clean(finding.evidence),
                        finding.remedy.empty() ? "" : ": ", finding.remedy);
  }
  return text;
}

}  // namespace

std::string to_tap(const Results& results) {
  std::string text = fmt::format("TAP version 13\n1..{}\n", results.counts().total());
  size_t number = 0;
  for (const Suite& suite : results.suites()) {
    for (const Case& test : suite.cases) {
      text += fmt::format("{} {} - {}", test.outcome == Outcome::Failed ? "not ok" : "ok", ++number,
                          tap_text(suite.name + "." + test.test()));
      if (test.outcome == Outcome::Skipped) text += " # SKIP " + tap_text(test.reason());
      text += "\n" + tap_diagnostics(test);
    }
  }
  return text;
}

std::string to_json(const Results& results, const Environment& environment) {
  Json json;
  json["format"] = kFormat;
  json["counts"] = json_of(results.counts());
  json["suites"] = Json::array();
  json["tests"] = Json::array();
  for (const Suite& suite : results.suites()) {
    json["suites"].push_back({{"name", suite.name}, {"counts", json_of(suite.counts())}});
    for (const Case& test : suite.cases) {
      json["tests"].push_back({{"suite", suite.name},
                               {"test", test.test()},
                               {"outcome", word_of(test.outcome)},
                               {"seconds", rounded(test.seconds)},
                               {"message", test.message}});
    }
  }
  json["environment"] = Json::parse(to_json(environment));
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string to_text(const Environment& environment) {
  std::string text;
  for (const FactGroup& group : environment.groups) {
    text += group.title + "\n";
    for (const Fact& fact : group.facts) {
      text += fmt::format("  {:32} {}\n", fact.title, clean(fact.value));
    }
  }
  text += fmt::format("  {:32} {}\n", "taint of the kernel", taint_text(environment.taint_before));
  return text + lacks_text(environment);
}

std::string to_summary(const Results& results, const Environment& environment) {
  std::string text;
  for (const Case* test : results.with(Outcome::Failed)) {
    text += fmt::format("failed: {}: {}\n", test->suite, test->test());
  }
  for (const Results::Skips& skips : results.skips()) {
    text += fmt::format("skipped: {} test{}: {}\n", skips.cases.size(),
                        skips.cases.size() == 1 ? "" : "s", skips.reason);
  }
  if (results.with(Outcome::Skipped).empty()) return text;
  return text + lacks_text(environment);
}

}  // namespace redoubt::report
