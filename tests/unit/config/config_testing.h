// SPDX-License-Identifier: Apache-2.0
//
// Shorthands for tests of configurations given as text.
#pragma once

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "vmm/config/load_config.h"

namespace redoubt::config {

// Loads `text` as /vm/test.yaml without looking for files.
inline VmConfig load_text(std::string_view text, const std::vector<std::string>& overrides = {}) {
  return parse_config("test.yaml", text, "/vm", overrides, FileChecks::Skip);
}

// All that is wrong with it, one fault a line; empty if nothing is.
inline std::string faults_of(std::string_view text,
                             const std::vector<std::string>& overrides = {}) {
  try {
    static_cast<void>(load_text(text, overrides));
    return {};
  } catch (const ConfigError& error) {
    return error.what();
  }
}

inline constexpr std::string_view kMinimal = "boot: {kernel: Image}\n";

// What is wrong with a text, in the words that a user reads.
struct BadText {
  std::string_view name;  // of the test
  std::string_view text;
  std::string_view fault;
};

inline void PrintTo(const BadText& bad, std::ostream* stream) { *stream << bad.name; }

inline std::string name_of(const testing::TestParamInfo<BadText>& info) {
  return std::string(info.param.name);
}

}  // namespace redoubt::config
