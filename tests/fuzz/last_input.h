// SPDX-License-Identifier: Apache-2.0
//
// LastInput: the file REDOUBT_FUZZ_LAST always holds the input under test. A program that dies of a
// bad access dies without libFuzzer, whose handler would be in the way of the VMM's own: then this
// is the input that did it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include <fcntl.h>
#include <unistd.h>

#include "vmm/base/unique_fd.h"

namespace redoubt {

class LastInput {
 public:
  LastInput() {
    const char* const path = std::getenv("REDOUBT_FUZZ_LAST");
    if (path != nullptr) fd_.reset(::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  }

  void set(const uint8_t* data, size_t size) const {
    if (!fd_.valid()) return;
    if (::pwrite(fd_.get(), data, size, 0) != static_cast<ssize_t>(size)) std::abort();
    if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) std::abort();
  }

 private:
  UniqueFd fd_;
};

}  // namespace redoubt
