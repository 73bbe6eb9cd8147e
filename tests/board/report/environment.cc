// SPDX-License-Identifier: Apache-2.0
#include "tests/board/report/environment.h"

#include <array>
#include <stdexcept>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace redoubt::report {

namespace {

using Json = nlohmann::ordered_json;

struct TaintFlag {
  char letter;
  const char* meaning;
};

// By bit; Documentation/admin-guide/tainted-kernels.rst.
constexpr std::array<TaintFlag, 20> kTaintFlags = {{{'P', "a proprietary module"},
                                                    {'F', "a module loaded by force"},
                                                    {'S', "out of specification"},
                                                    {'R', "a module unloaded by force"},
                                                    {'M', "a machine check"},
                                                    {'B', "a bad page"},
                                                    {'U', "asked for by a user"},
                                                    {'D', "an oops"},
                                                    {'A', "an overridden ACPI table"},
                                                    {'W', "a warning"},
                                                    {'C', "a staging driver"},
                                                    {'I', "a workaround for firmware"},
                                                    {'O', "an out-of-tree module"},
                                                    {'E', "an unsigned module"},
                                                    {'L', "a soft lockup"},
                                                    {'K', "a live patch"},
                                                    {'X', "the distribution's own"},
                                                    {'T', "a randomized layout"},
                                                    {'N', "a test module"},
                                                    {'J', "firmware control"}}};

std::string flags_text(uint64_t taint) {
  std::string text;
  for (size_t bit = 0; bit < kTaintFlags.size(); ++bit) {
    if ((taint >> bit & 1) == 0) continue;
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", kTaintFlags[bit].letter,
                        kTaintFlags[bit].meaning);
  }
  return text.empty() ? "flags unknown here" : text;
}

std::string_view word_of(doctor::Verdict verdict) {
  return verdict == doctor::Verdict::Bad    ? "bad"
         : verdict == doctor::Verdict::Note ? "note"
                                            : "good";
}

doctor::Verdict verdict_from(const std::string& word) {
  if (word == "bad") return doctor::Verdict::Bad;
  return word == "note" ? doctor::Verdict::Note : doctor::Verdict::Good;
}

Json number_or_null(std::optional<uint64_t> number) {
  return number ? Json(*number) : Json(nullptr);
}

std::optional<uint64_t> optional_number(const Json& value) {
  if (value.is_null()) return std::nullopt;
  return value.get<uint64_t>();
}

}  // namespace

std::string Environment::value(std::string_view id) const {
  for (const FactGroup& group : groups) {
    for (const Fact& fact : group.facts) {
      if (fact.id == id) return fact.value;
    }
  }
  return {};
}

std::string taint_text(std::optional<uint64_t> taint) {
  if (!taint) return "unknown";
  if (*taint == 0) return "0 (not tainted)";
  return fmt::format("{} ({})", *taint, flags_text(*taint));
}

std::string taint_change(const Environment& environment) {
  if (!environment.taint_before || !environment.taint_after) return "unknown";
  const uint64_t added = *environment.taint_after & ~*environment.taint_before;
  if (added == 0) return "none";
  constexpr uint64_t kUser = uint64_t{1} << 6;
  const std::string by_design =
      added == kUser ? "; Linux sets it when the first protected VM is made" : "";
  return flags_text(added) + by_design;
}

std::string to_json(const Environment& environment) {
  Json json;
  json["facts"] = Json::array();
  for (const FactGroup& group : environment.groups) {
    for (const Fact& fact : group.facts) {
      json["facts"].push_back(
          {{"id", fact.id}, {"group", group.title}, {"title", fact.title}, {"value", fact.value}});
    }
  }
  json["lacks"] = Json::array();
  for (const doctor::Finding& finding : environment.lacks) {
    json["lacks"].push_back({{"id", finding.id},
                             {"verdict", word_of(finding.verdict)},
                             {"title", finding.title},
                             {"evidence", finding.evidence},
                             {"remedy", finding.remedy}});
  }
  json["taint_before"] = number_or_null(environment.taint_before);
  json["taint_after"] = number_or_null(environment.taint_after);
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Environment environment_from_json(const std::string& text) {
  try {
    const Json json = Json::parse(text);
    Environment environment;
    for (const Json& fact : json.at("facts")) {
      const auto group = fact.at("group").get<std::string>();
      if (environment.groups.empty() || environment.groups.back().title != group) {
        environment.groups.push_back({group, {}});
      }
      environment.groups.back().facts.push_back({fact.at("id").get<std::string>(),
                                                 fact.at("title").get<std::string>(),
                                                 fact.at("value").get<std::string>()});
    }
    for (const Json& lack : json.at("lacks")) {
      environment.lacks.push_back(
          {lack.at("id").get<std::string>(), verdict_from(lack.at("verdict").get<std::string>()),
           lack.at("title").get<std::string>(), lack.at("evidence").get<std::string>(),
           lack.at("remedy").get<std::string>()});
    }
    environment.taint_before = optional_number(json.at("taint_before"));
    environment.taint_after = optional_number(json.at("taint_after"));
    return environment;
  } catch (const nlohmann::json::exception& error) {
    throw std::runtime_error(std::string("not an environment file: ") + error.what());
  }
}

}  // namespace redoubt::report
