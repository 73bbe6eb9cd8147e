// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a configuration file: either a ConfigError, or a configuration that loads as the
// same one when it is printed.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "vmm/config/config_error.h"
#include "vmm/config/config_text.h"
#include "vmm/config/load_config.h"

using redoubt::VmConfig;
using redoubt::config::Colors;
using redoubt::config::ConfigError;
using redoubt::config::FileChecks;
using redoubt::config::parse_config;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // SAFETY: bytes may be looked at as char.
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const VmConfig config = parse_config("fuzz.yaml", text, "/vm", {}, FileChecks::Skip);
    const std::string printed = redoubt::config::to_yaml(config);
    if (parse_config("again.yaml", printed, "/", {}, FileChecks::Skip) != config) std::abort();
    if (redoubt::config::to_json(config).empty()) std::abort();
  } catch (const ConfigError& error) {
    if (error.diagnostics().empty() || error.render(Colors::On).empty()) std::abort();
  }
  return 0;
}
