// SPDX-License-Identifier: Apache-2.0
//
// How much memory this process has, for tests that it does not grow.
#pragma once

#include <cstdint>

#include "tests/unit/memory/sanitized.h"
#include "vmm/memory/proc_file.h"

namespace redoubt {

class ResidentMemory {
 public:
  // Whether it has grown by less than so many bytes since this object was made. A sanitizer keeps
  // what was freed, so that there is nothing to see: true.
  [[nodiscard]] bool grown_by_less_than(uint64_t bytes) const {
    return kSanitized || now() < before_ + bytes;
  }

 private:
  static uint64_t now() { return proc_field_bytes("/proc/self/status", "VmRSS").value_or(0); }

  uint64_t before_ = now();
};

}  // namespace redoubt
