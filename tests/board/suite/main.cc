// SPDX-License-Identifier: Apache-2.0
//
// The board suites in one binary. `--suite=NAME[,NAME…]` runs the suites named, all of them without
// it; everything else on the command line is GoogleTest's. A suite is the tests whose group starts
// with its name: `contract` is ContractMemory, ContractLimits and so on. Exits with 0 if no test
// failed, 1 if one did, 2 if it was called wrongly.
#include <array>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace {

constexpr std::string_view kOption = "--suite=";
constexpr int kCalledWrongly = 2;

struct Suite {
  std::string_view name;
  std::string_view filter;
};
constexpr std::array kSuites = {
    Suite{"boot", "Boot*:*/Boot*"},          Suite{"contract", "Contract*:*/Contract*"},
    Suite{"donate", "Donate*:*/Donate*"},    Suite{"faults", "Faults*:*/Faults*"},
    Suite{"hostile", "Hostile*:*/Hostile*"}, Suite{"isolation", "Isolation*:*/Isolation*"},
    Suite{"lifecycle", "Lifecycle*"},        Suite{"virtio", "Virtio*:*/Virtio*"},
};

// "boot,contract" as a filter of GoogleTest's; nothing if it names a suite that there is not.
std::optional<std::string> filter_for(std::string_view names) {
  std::string filter;
  for (bool more = true; more;) {
    const size_t comma = names.find(',');
    const std::string_view name = names.substr(0, comma);
    more = comma != std::string_view::npos;
    names.remove_prefix(more ? comma + 1 : names.size());

    const auto* suite = kSuites.begin();
    while (suite != kSuites.end() && suite->name != name) ++suite;
    if (suite == kSuites.end()) {
      std::cerr << "redoubt-board-suite: no suite `" << name << "`; there are:";
      for (const Suite& known : kSuites) std::cerr << ' ' << known.name;
      std::cerr << '\n';
      return std::nullopt;
    }
    if (!filter.empty()) filter += ':';
    filter += suite->filter;
  }
  return filter;
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (!argument.starts_with(kOption)) {
      std::cerr << "redoubt-board-suite: cannot make sense of `" << argument << "`\n";
      return kCalledWrongly;
    }
    const auto filter = filter_for(argument.substr(kOption.size()));
    if (!filter) return kCalledWrongly;
    testing::GTEST_FLAG(filter) = *filter;
  }
  return RUN_ALL_TESTS();
}
