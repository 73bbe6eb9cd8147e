// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/ksm.h"

#include <ctime>
#include <string>

#include <sys/mman.h>

#include "tests/board/suite/support/backing.h"
#include "tests/board/suite/support/donation.h"
#include "tests/board/suite/support/host_state.h"

namespace redoubt::suite {
namespace {

const std::string kKsm = "/sys/kernel/mm/ksm/";

uint64_t full_scans() { return std::stoull(read_file(kKsm + "full_scans").value_or("0")); }

}  // namespace

void mark_mergeable(std::byte* data, size_t size) {
  if (::madvise(data, size, MADV_MERGEABLE) != 0) throw Unavailable("this host has no KSM");
}

void let_ksm_scan() {
  // It does not look at all unless there is something to look at.
  const FolioMemory something = FolioMemory::small_pages(page_size());
  mark_mergeable(something.data(), something.size());
  const Setting often(kKsm + "sleep_millisecs", "1");
  const Setting all(kKsm + "pages_to_scan", "10000");
  const Setting run(kKsm + "run", "1");
  const uint64_t enough = full_scans() + 4;
  const timespec moment{0, 5'000'000};
  while (full_scans() < enough) ::nanosleep(&moment, nullptr);
}

}  // namespace redoubt::suite
