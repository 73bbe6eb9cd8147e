// SPDX-License-Identifier: Apache-2.0
//
// Takes pages of guest memory away from this process, as a guest does by unsharing them under pKVM:
// accesses fault until restore() or the end of the object. Any thread.
#pragma once

#include <cstdint>
#include <stdexcept>

#include <sys/mman.h>

#include "vmm/memory/guest_memory.h"

namespace redoubt {

class RevokedPages {
 public:
  enum class Allowed { Nothing, Reads };

  // All pages that `range`, which lies in one region, touches.
  RevokedPages(const GuestMemory& memory, GuestRange range, Allowed allowed = Allowed::Nothing) {
    for (const MemorySlot& slot : memory.slots()) {
      if (!slot.range.contains(range)) continue;
      const uint64_t page = host_page_size();
      const uint64_t first = (range.start().value() - slot.range.start().value()) / page * page;
      const uint64_t end = range.end().value() - slot.range.start().value();
      start_ = slot.host_address + first;
      size_ = (end - first + page - 1) / page * page;
    }
    if (size_ == 0) throw std::runtime_error("no region has the pages to revoke");
    protect(allowed == Allowed::Reads ? PROT_READ : PROT_NONE);
  }
  RevokedPages(const RevokedPages&) = delete;
  RevokedPages& operator=(const RevokedPages&) = delete;
  ~RevokedPages() { ::mprotect(pages(), size_, PROT_READ | PROT_WRITE); }

  void revoke() { protect(PROT_NONE); }
  void restore() { protect(PROT_READ | PROT_WRITE); }

 private:
  [[nodiscard]] void* pages() const {
    // SAFETY: handed to mprotect(2) alone.
    return reinterpret_cast<void*>(start_);
  }
  void protect(int protection) {
    if (::mprotect(pages(), size_, protection) != 0) throw std::runtime_error("mprotect");
  }

  uintptr_t start_ = 0;
  uint64_t size_ = 0;
};

}  // namespace redoubt
