// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/page_frame.h"

#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "tests/board/suite/support/backing.h"
#include "vmm/base/unique_fd.h"

namespace redoubt::suite {
namespace {

// Linux Documentation/admin-guide/mm/pagemap.rst.
constexpr uint64_t kPresent = uint64_t{1} << 63;
constexpr uint64_t kFrame = (uint64_t{1} << 55) - 1;

}  // namespace

std::optional<uint64_t> frame_of(pid_t pid, uintptr_t address) {
  // Not by a stream: the kernel takes reads of whole entries only.
  const std::string path = "/proc/" + std::to_string(pid) + "/pagemap";
  const UniqueFd pagemap(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  uint64_t entry = 0;
  const auto offset = static_cast<off_t>(address / page_size() * sizeof entry);
  if (::pread(pagemap.get(), &entry, sizeof entry, offset) != sizeof entry) return std::nullopt;
  if ((entry & kPresent) == 0 || (entry & kFrame) == 0) return std::nullopt;
  return entry & kFrame;
}

std::optional<uint64_t> frame_of(const std::byte* address) {
  // SAFETY: the address is told to the kernel, and not used.
  return frame_of(::getpid(), reinterpret_cast<uintptr_t>(address));
}

}  // namespace redoubt::suite
