// SPDX-License-Identifier: Apache-2.0
//
// PageServer: the userspace that provides the missing pages of some memory (userfaultfd), all of
// which become missing. The constructor throws Unavailable where the host has no userfaultfd.
#pragma once

#include <cstdint>

#include "tests/board/suite/support/donation.h"
#include "vmm/base/unique_fd.h"

namespace redoubt::suite {

class PageServer {
 public:
  explicit PageServer(const FolioMemory& memory);

  // Waits until a page is missed, and gives it one with `word` at its start. Asserts.
  void serve_one(uint64_t word) const;

 private:
  UniqueFd fd_;
};

}  // namespace redoubt::suite
