// SPDX-License-Identifier: Apache-2.0
#include "vmm/doctor/report.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace redoubt::doctor {

namespace {

struct Style {
  const char* mark;
  const char* word;
  const char* color;  // ANSI
};

Style style_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::Good: return {"✓", "good", "\x1b[32m"};
    case Verdict::Note: return {"!", "note", "\x1b[33m"};
    case Verdict::Bad: return {"✗", "bad", "\x1b[31m"};
  }
  return {"?", "unknown", ""};
}

}  // namespace

bool any_bad(const Findings& findings) {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& finding) { return finding.verdict == Verdict::Bad; });
}

std::string to_text(const Findings& findings, config::Colors colors) {
  std::string text;
  for (const Finding& finding : findings) {
    const Style style = style_of(finding.verdict);
    const bool on = colors == config::Colors::On;
    text += fmt::format("{}{}{} {}: {}\n", on ? style.color : "", style.mark, on ? "\x1b[0m" : "",
                        finding.title, finding.evidence);
    if (!finding.remedy.empty()) text += fmt::format("    → {}\n", finding.remedy);
  }
  return text;
}

std::string to_json(const Findings& findings) {
  nlohmann::ordered_json report;
  report["ok"] = !any_bad(findings);
  report["findings"] = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    report["findings"].push_back({{"id", finding.id},
                                  {"verdict", style_of(finding.verdict).word},
                                  {"title", finding.title},
                                  {"evidence", finding.evidence},
                                  {"remedy", finding.remedy}});
  }
  // Evidence is text of the host, which need not be UTF-8.
  return report.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace redoubt::doctor
