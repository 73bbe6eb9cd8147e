// SPDX-License-Identifier: Apache-2.0
//
// MemoryObject: host memory that can be donated to a guest. Two kinds (a protected guest accepts
// only swap-backed pages, and of these only what nothing in the kernel may read behind our back):
//
//   private RAM   anonymous, mapped in this process only
//   DMA window    a memfd sealed against resizing, which a device process can map as well
//
// Neither is inherited by fork (which would copy, and so destroy, every donated anonymous page),
// included in core dumps, or merged by KSM. Once a guest runs, the mapping must not be changed: the
// guest would keep the old pages. Immovable contents, owned by GuestMemory.
#pragma once

#include <cstddef>
#include <cstdint>

#include "vmm/base/unique_fd.h"

namespace redoubt {

enum class HugepageAdvice {
  Auto,       // as the host does it, except where its settings endanger donated pages
  Preferred,  // MADV_HUGEPAGE, except there
  Always,     // MADV_HUGEPAGE
  Never,      // MADV_NOHUGEPAGE
};

class MemoryObject {
 public:
  // `size` is a multiple of the host's page size. Both throw SetupError (MemoryRefused when the
  // host does not give the memory).
  static MemoryObject private_ram(uint64_t size, HugepageAdvice advice);
  static MemoryObject dma_window(uint64_t size, HugepageAdvice advice);

  MemoryObject(MemoryObject&& other) noexcept;
  MemoryObject& operator=(MemoryObject&&) = delete;
  ~MemoryObject();

  // Where it is mapped, 2 MiB aligned. For access through safe_access.h and for memslots only.
  [[nodiscard]] uintptr_t start() const { return start_; }
  [[nodiscard]] size_t size() const { return size_; }
  // The memfd of a DMA window; not valid for private RAM.
  [[nodiscard]] const UniqueFd& fd() const { return fd_; }

 private:
  MemoryObject(size_t size, UniqueFd fd);

  UniqueFd fd_;
  uintptr_t start_ = 0;
  size_t size_;
};

// Takes this process out of KSM's reach (PR_SET_MEMORY_MERGE, which systemd's MemoryKSM= sets and
// children inherit). Call before memory is mapped; throws SetupError if KSM stays.
void leave_memory_merging();

// The size of a host page in bytes.
[[nodiscard]] uint64_t host_page_size();

}  // namespace redoubt
