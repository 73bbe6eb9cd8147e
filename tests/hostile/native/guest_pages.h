// SPDX-License-Identifier: Apache-2.0
//
// GuestPages: the arena of a hostile guest as that guest sees it, and who else may. A protected
// guest shares and unshares its pages, which natively is mprotect(2) on what the VMM has mapped;
// the guest itself looks at the same pages through a mapping of its own.
//
// Any thread: the guest has two CPUs.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>

#include "guest/bare-metal/evil_program.h"
#include "tests/unit/memory/revoked_pages.h"
#include "vmm/memory/guest_memory.h"

namespace redoubt::hostile {

class GuestPages {
 public:
  static constexpr uint64_t kSize = uint64_t{EVIL_ARENA_PAGES} * EVIL_PAGE_SIZE;

  enum class Sharing {
    Never,   // an unprotected guest: the calls do not exist, the host sees everything
    Called,  // a protected one: shared is what it has shared; pages it never touched are the host's
  };

  // `memory`, whose DMA window has the arena at `arena`, outlives this. All pages are zero.
  GuestPages(GuestMemory& memory, uint64_t arena, Sharing sharing);
  ~GuestPages();
  GuestPages(const GuestPages&) = delete;
  GuestPages& operator=(const GuestPages&) = delete;

  [[nodiscard]] uint64_t address() const { return arena_; }

  // Offsets in the arena, aligned to the width of 1, 2, 4 or 8 bytes.
  [[nodiscard]] uint64_t load(uint64_t offset, unsigned width);
  void store(uint64_t offset, unsigned width, uint64_t value);
  void clear_page(uint32_t page);

  // MEM_SHARE and MEM_UNSHARE. Of pages beyond the arena, modulo its size.
  void share(uint32_t page);
  void unshare(uint32_t page);

 private:
  enum class State { Untouched, Private, Shared };

  // The guest's own access makes a page its own.
  void touch(uint64_t offset);
  void set_state(uint32_t page, State state);
  template <class T>
  [[nodiscard]] std::atomic_ref<T> word(uint64_t offset);

  const uint64_t arena_;
  const Sharing sharing_;
  std::byte* view_ = nullptr;
  std::mutex mutex_;
  // Guarded by mutex_, but for reading Untouched.
  std::array<std::atomic<State>, EVIL_ARENA_PAGES> states_{};
  std::array<std::optional<RevokedPages>, EVIL_ARENA_PAGES> pages_;
};

}  // namespace redoubt::hostile
