// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/page_map.h"

#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "tests/board/suite/support/backing.h"
#include "tests/board/suite/support/host_state.h"
#include "vmm/base/unique_fd.h"

namespace redoubt::suite {

std::vector<PageState> page_states(pid_t pid, uintptr_t address, size_t pages) {
  const std::string path = "/proc/" + std::to_string(pid) + "/pagemap";
  const UniqueFd map(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const uint64_t first = address / page_size();
  std::vector<uint64_t> entries(pages);
  const size_t size = pages * sizeof(uint64_t);
  if (::pread(map.get(), entries.data(), size, static_cast<off_t>(first * sizeof(uint64_t))) !=
      static_cast<ssize_t>(size)) {
    throw Unavailable("this host has no " + path + ", or not for this user");
  }
  std::vector<PageState> states;
  for (const uint64_t entry : entries) {
    // Linux Documentation/admin-guide/mm/pagemap.rst
    states.push_back(
        {(entry >> 63 & 1) != 0, (entry >> 62 & 1) != 0, entry & ((uint64_t{1} << 55) - 1)});
    if (states.back().present && states.back().frame == 0) {
      throw Unavailable("page frames are for root only");
    }
  }
  return states;
}

std::vector<PageState> page_states(const std::byte* address, size_t pages) {
  // SAFETY: the address is used as a number only.
  return page_states(::getpid(), reinterpret_cast<uintptr_t>(address), pages);
}

uint64_t page_flags(uint64_t frame) {
  const UniqueFd flags_of(::open("/proc/kpageflags", O_RDONLY | O_CLOEXEC));
  uint64_t flags = 0;
  if (::pread(flags_of.get(), &flags, sizeof flags, static_cast<off_t>(frame * sizeof flags)) !=
      sizeof flags) {
    throw Unavailable("this host has no /proc/kpageflags, or not for this user");
  }
  return flags;
}

void empty_page_batches() {
  // It begins with lru_add_drain_all(), and what it drops is in files only.
  if (!write_file("/proc/sys/vm/drop_caches", "1")) {
    throw Unavailable("dropping caches is not for this user");
  }
}

}  // namespace redoubt::suite
