// SPDX-License-Identifier: Apache-2.0
//
// The configuration that a kernel built with CONFIG_IKCONFIG carries (kernel/configs.c):
// "IKCFG_ST", the text packed with gzip, "IKCFG_ED".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "vmm/boot/payload_file.h"

namespace redoubt::boot {

class KernelConfig {
 public:
  explicit KernelConfig(std::string_view text);

  // Of "CONFIG_NR_CPUS", as written: "y", "m", "512", "\"text\"". nullopt: not set. The view
  // lives as long as this object.
  [[nodiscard]] std::optional<std::string_view> value(std::string_view option) const;
  // Built in: a module is of no use before there is a root file system.
  [[nodiscard]] bool enabled(std::string_view option) const { return value(option) == "y"; }

 private:
  std::string text_;  // begins with a line feed
};

// `kernel` is unpacked. nullopt: it carries none, or a damaged one. Reads the whole file.
[[nodiscard]] std::optional<KernelConfig> extract_kernel_config(const PayloadFile& kernel);

}  // namespace redoubt::boot
