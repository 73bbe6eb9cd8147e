// SPDX-License-Identifier: Apache-2.0
#include "tests/board/report/html_page.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "tests/board/report/html_style.h"
#include "tests/board/report/text.h"

namespace redoubt::report {

namespace {

constexpr size_t kSlowest = 10;

const char* sign_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::Passed: return "✓";
    case Outcome::Failed: return "✗";
    case Outcome::Skipped: return "–";
  }
  return "?";
}

std::string duration(double seconds) {
  if (seconds < 60) return fmt::format("{:.2f} s", seconds);
  const auto whole = static_cast<long>(seconds + 0.5);
  return fmt::format("{}:{:02} min", whole / 60, whole % 60);
}

class Page {
 public:
  Page(const Results& results, const Environment& environment)
      : results_(results), environment_(environment), counts_(results.counts()) {
    for (const Suite& suite : results.suites()) {
      for (const Case& test : suite.cases) {
        places_.emplace(&test, "test-" + std::to_string(places_.size() + 1));
      }
    }
  }

  std::string text() {
    head();
    failures();
    matrix();
    skips();
    figures();
    environment();
    tests();
    out_ += "</body>\n</html>\n";
    return std::move(out_);
  }

 private:
  void head() {
    const std::string model = environment_.value("board.model");
    const bool is_known = !model.empty() && model != "unknown";
    const std::string title = "Redoubt's suites on " + (is_known ? model : "this host");
    const char* verdict = counts_.failed > 0    ? "failed"
                          : counts_.passed == 0 ? "skipped"
                                                : "passed";
    const std::string words = counts_.failed > 0 ? fmt::format("✗ {} test{} failed", counts_.failed,
                                                               counts_.failed == 1 ? "" : "s")
                              : counts_.passed == 0 ? "– nothing could be tested"
                                                    : "✓ no test failed";
    out_ += fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
        "<title>{0}</title>\n<style>{1}</style>\n</head>\n<body>\n<h1>{0}</h1>\n",
        escaped(title), kHtmlStyle);
    out_ += fmt::format(
        "<p class=\"soft\">Linux {} · {} · {} · begun {}</p>\n",
        escaped(environment_.value("kernel.release")), escaped(environment_.value("board.cpus")),
        escaped(environment_.value("el2.mode")), escaped(environment_.value("run.begin")));
    out_ += fmt::format("<p class=\"verdict {}\">{}</p>\n", verdict, words);
    out_ += fmt::format(
        "<p class=\"counts\">{}{}{}<span class=\"soft\">{} tests in {}</span></p>\n",
        count(Outcome::Passed, counts_.passed), count(Outcome::Failed, counts_.failed),
        count(Outcome::Skipped, counts_.skipped), counts_.total(), duration(counts_.seconds));
    bar(counts_);
    out_ += "<nav>";
    if (counts_.failed > 0) out_ += "<a href=\"#failures\">Failures</a>";
    out_ += "<a href=\"#matrix\">Matrix</a>";
    if (counts_.skipped > 0) out_ += "<a href=\"#skips\">Skipped</a>";
    out_ +=
        "<a href=\"#figures\">Figures</a><a href=\"#environment\">Environment</a>"
        "<a href=\"#tests\">All tests</a></nav>\n";
  }

  static std::string count(Outcome outcome, size_t number) {
    return fmt::format("<span class=\"{}\">{} {} {}</span>",
                       number == 0 ? "soft" : word_of(outcome), sign_of(outcome), number,
                       word_of(outcome));
  }

  void bar(const Counts& counts) {
    out_ += "<div class=\"bar\" aria-hidden=\"true\">";
    for (const auto& [name, number] :
         {std::pair("passed", counts.passed), std::pair("failed", counts.failed),
          std::pair("skipped", counts.skipped)}) {
      if (number > 0) out_ += fmt::format("<i class=\"{}\" style=\"flex: {}\"></i>", name, number);
    }
    out_ += "</div>\n";
  }

  void failures() {
    if (counts_.failed == 0) return;
    out_ += "<h2 id=\"failures\">Failures</h2>\n";
    for (const Case* test : results_.with(Outcome::Failed)) {
      out_ += fmt::format(
          "<section class=\"card failed\"><h3>✗ {}: {}</h3>"
          "<p class=\"soft\">after {} · <a href=\"#{}\">in the list</a></p>"
          "<pre>{}</pre></section>\n",
          escaped(test->suite), escaped(test->test()), duration(test->seconds), places_.at(test),
          test->message.empty() ? "no message" : escaped(test->message));
    }
  }

  // Every suite is a card, every group of tests a row, every test a cell.
  void matrix() {
    out_ +=
        "<h2 id=\"matrix\">Matrix</h2>\n<p class=\"soft\">"
        "A cell is a test: ✓ passed, ✗ failed, – skipped.</p>\n";
    for (const Suite& suite : results_.suites()) {
      const Counts counts = suite.counts();
      out_ += fmt::format(
          "<section class=\"card suite\"><header><h3>{}</h3>{}{}{}"
          "<span class=\"soft\">{}</span></header>\n",
          escaped(suite.name), count(Outcome::Passed, counts.passed),
          count(Outcome::Failed, counts.failed), count(Outcome::Skipped, counts.skipped),
          duration(counts.seconds));
      std::vector<std::pair<std::string, std::string>> rows;
      for (const Case& test : suite.cases) {
        auto row = std::find_if(rows.begin(), rows.end(),
                                [&test](const auto& known) { return known.first == test.group; });
        if (row == rows.end()) row = rows.insert(rows.end(), {test.group, ""});
        row->second += cell(test);
      }
      for (const auto& [group, cells] : rows) {
        out_ +=
            fmt::format("<div class=\"group\"><div>{}</div><div class=\"cells\">{}</div></div>\n",
                        escaped(group), cells);
      }
      out_ += "</section>\n";
    }
  }

  std::string cell(const Case& test) const {
    std::string title =
        fmt::format("{}: {}, {}", test.name, word_of(test.outcome), duration(test.seconds));
    if (test.outcome == Outcome::Skipped) title += ": " + test.reason();
    return fmt::format("<a class=\"{}\" href=\"#{}\" title=\"{}\">{}</a>", word_of(test.outcome),
                       places_.at(&test), escaped(title), sign_of(test.outcome));
  }

  void skips() {
    if (counts_.skipped == 0) return;
    out_ +=
        "<h2 id=\"skips\">Skipped, and why</h2>\n<div class=\"scroll\"><table><thead><tr>"
        "<th class=\"number\">tests</th><th>reason</th><th>which</th></tr></thead><tbody>\n";
    for (const Results::Skips& skip : results_.skips()) {
      std::string which;
      for (const Case* test : skip.cases) {
        which += fmt::format("{}<a href=\"#{}\">{}</a>", which.empty() ? "" : ", ",
                             places_.at(test), escaped(test->test()));
      }
      if (skip.cases.size() > 5) {
        which = fmt::format("<details><summary>{} tests</summary>{}</details>", skip.cases.size(),
                            which);
      }
      out_ += fmt::format("<tr><td class=\"number\">{}</td><td>{}</td><td>{}</td></tr>\n",
                          skip.cases.size(), escaped(skip.reason), which);
    }
    out_ += "</tbody></table></div>\n";
  }

  void figures() {
    out_ +=
        "<h2 id=\"figures\">Figures</h2>\n<div class=\"scroll\"><table><thead><tr>"
        "<th>suite</th><th class=\"number\">tests</th><th class=\"number\">✓ passed</th>"
        "<th class=\"number\">✗ failed</th><th class=\"number\">– skipped</th>"
        "<th class=\"number\">time</th></tr></thead><tbody>\n";
    for (const Suite& suite : results_.suites()) row(suite.name, suite.counts());
    row("all", counts_);
    out_ += "</tbody></table></div>\n";

    std::vector<const Case*> slowest;
    for (const auto& [test, place] : places_) slowest.push_back(test);
    std::sort(slowest.begin(), slowest.end(), [](const Case* one, const Case* other) {
      return std::tuple(-one->seconds, one->suite, one->test()) <
             std::tuple(-other->seconds, other->suite, other->test());
    });
    slowest.resize(std::min(slowest.size(), kSlowest));
    out_ += "<details><summary>The slowest tests</summary><div class=\"scroll\"><table><tbody>\n";
    for (const Case* test : slowest) {
      out_ += fmt::format(
          "<tr><td><a href=\"#{}\">{}: {}</a></td><td class=\"number\">{}</td>"
          "</tr>\n",
          places_.at(test), escaped(test->suite), escaped(test->test()), duration(test->seconds));
    }
    out_ += "</tbody></table></div></details>\n";
  }

  void row(const std::string& name, const Counts& counts) {
    out_ += fmt::format(
        "<tr><th>{}</th><td class=\"number\">{}</td><td class=\"number\">{}</td>"
        "<td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td>"
        "</tr>\n",
        escaped(name), counts.total(), counts.passed, counts.failed, counts.skipped,
        duration(counts.seconds));
  }

  void environment() {
    out_ += "<h2 id=\"environment\">Environment</h2>\n";
    for (const FactGroup& group : environment_.groups) {
      const bool is_options = group.facts.front().id.starts_with("config.");
      out_ += fmt::format("<section class=\"card\"><h3>{}</h3>", escaped(group.title));
      out_ += is_options ? "<dl class=\"options\">" : "<table class=\"environment\"><tbody>";
      for (const Fact& fact : group.facts) {
        const std::string title = escaped(fact.title);
        const std::string value = escaped(fact.value);
        out_ += is_options
                    ? fmt::format("<div><dt><code>{}</code></dt><dd>{}</dd></div>", title, value)
                    : fmt::format("<tr><th>{}</th><td>{}</td></tr>", title, value);
      }
      out_ += is_options ? "</dl></section>\n" : "</tbody></table></section>\n";
    }
    out_ += fmt::format(
        "<section class=\"card\"><h3>Taint of the kernel</h3>"
        "<table class=\"environment\"><tbody><tr><th>before</th><td>{}</td></tr>"
        "<tr><th>after</th><td>{}</td></tr><tr><th>added by the run</th><td>{}</td></tr>"
        "</tbody></table></section>\n",
        escaped(taint_text(environment_.taint_before)),
        escaped(taint_text(environment_.taint_after)), escaped(taint_change(environment_)));
    lacks();
  }

  void lacks() {
    if (environment_.lacks.empty()) return;
    out_ +=
        "<section class=\"card\"><h3>What redoubt doctor says of this host</h3><table><tbody>\n";
    for (const doctor::Finding& finding : environment_.lacks) {
      const bool bad = finding.verdict == doctor::Verdict::Bad;
      out_ +=
          fmt::format("<tr><td class=\"{}\">{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                      bad ? "failed" : "skipped", bad ? "✗ bad" : "! note", escaped(finding.title),
                      escaped(finding.evidence), escaped(finding.remedy));
    }
    out_ += "</tbody></table></section>\n";
  }

  void tests() {
    out_ += "<h2 id=\"tests\">All tests</h2>\n";
    for (const Suite& suite : results_.suites()) {
      out_ += fmt::format(
          "<details open=\"open\"><summary>{}</summary><div class=\"scroll\"><table>"
          "<tbody>\n",
          escaped(suite.name));
      for (const Case& test : suite.cases) {
        const std::string why =
            test.outcome == Outcome::Skipped
                ? "<br/><span class=\"soft\">" + escaped(test.reason()) + "</span>"
                : "";
        out_ += fmt::format(
            "<tr id=\"{}\"><td class=\"{}\">{} {}</td><td>{}{}</td><td class=\"number\">{}</td>"
            "</tr>\n",
            places_.at(&test), word_of(test.outcome), sign_of(test.outcome), word_of(test.outcome),
            escaped(test.test()), why, duration(test.seconds));
      }
      out_ += "</tbody></table></div></details>\n";
    }
  }

  const Results& results_;
  const Environment& environment_;
  const Counts counts_;
  std::map<const Case*, std::string> places_;  // where a test is in the list: the id of its row
  std::string out_;
};

}  // namespace

std::string to_html(const Results& results, const Environment& environment) {
  return Page(results, environment).text();
}

}  // namespace redoubt::report
