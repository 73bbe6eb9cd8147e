// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/native/guest_pages.h"

#include <stdexcept>

#include <sys/mman.h>

namespace redoubt::hostile {

namespace {

constexpr uint64_t kPage = EVIL_PAGE_SIZE;

off_t offset_in_window(const GuestMemory& memory, GuestRange arena) {
  for (const MemorySlot& slot : memory.slots()) {
    if (slot.range.contains(arena)) {
      return static_cast<off_t>(arena.start().value() - slot.range.start().value());
    }
  }
  throw std::runtime_error("no memory for the arena");
}

}  // namespace

GuestPages::GuestPages(GuestMemory& memory, uint64_t arena, Sharing sharing)
    : arena_(arena), sharing_(sharing) {
  if (host_page_size() != kPage) throw std::runtime_error("the host's pages are not of 4 KiB");
  const GuestRange range(GuestAddress(arena), kSize);
  const auto fd = memory.dma_window_fd();
  if (!fd) throw std::runtime_error("no window");
  void* const view = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd->get(),
                            offset_in_window(memory, range));
  if (view == MAP_FAILED) throw std::runtime_error("mmap the arena");
  view_ = static_cast<std::byte*>(view);
  if (sharing_ == Sharing::Never) return;
  for (uint32_t page = 0; page < EVIL_ARENA_PAGES; ++page) {
    pages_[page].emplace(memory, GuestRange(GuestAddress(arena + page * kPage), kPage));
    pages_[page]->restore();
  }
}

GuestPages::~GuestPages() { ::munmap(view_, kSize); }

void GuestPages::set_state(uint32_t page, State state) {
  if (sharing_ == Sharing::Never) return;
  const std::lock_guard lock(mutex_);
  if (states_[page] == state) return;
  if (state == State::Shared) {
    pages_[page]->restore();
  } else {
    pages_[page]->revoke();
  }
  states_[page] = state;
}

void GuestPages::touch(uint64_t offset) {
  const auto page = static_cast<uint32_t>(offset / kPage);
  if (states_[page] == State::Untouched) set_state(page, State::Private);
}

void GuestPages::share(uint32_t page) { set_state(page % EVIL_ARENA_PAGES, State::Shared); }

void GuestPages::unshare(uint32_t page) {
  page %= EVIL_ARENA_PAGES;
  if (states_[page] == State::Shared) set_state(page, State::Private);
}

template <class T>
std::atomic_ref<T> GuestPages::word(uint64_t offset) {
  // SAFETY: inside the mapping, which is page-aligned, and aligned for T by the contract. Other
  // threads and the VMM change it at any time, so every access is atomic.
  return std::atomic_ref<T>(*reinterpret_cast<T*>(view_ + offset));
}

uint64_t GuestPages::load(uint64_t offset, unsigned width) {
  touch(offset);
  // Acquire and release: the order in which one CPU of the guest does things.
  switch (width) {
    case 1: return word<uint8_t>(offset).load(std::memory_order_acquire);
    case 2: return word<uint16_t>(offset).load(std::memory_order_acquire);
    case 4: return word<uint32_t>(offset).load(std::memory_order_acquire);
    default: return word<uint64_t>(offset).load(std::memory_order_acquire);
  }
}

void GuestPages::store(uint64_t offset, unsigned width, uint64_t value) {
  touch(offset);
  switch (width) {
    case 1: word<uint8_t>(offset) = static_cast<uint8_t>(value); break;
    case 2: word<uint16_t>(offset) = static_cast<uint16_t>(value); break;
    case 4: word<uint32_t>(offset) = static_cast<uint32_t>(value); break;
    default: word<uint64_t>(offset) = value; break;
  }
}

void GuestPages::clear_page(uint32_t page) {
  const uint64_t start = page % EVIL_ARENA_PAGES * kPage;
  for (uint64_t offset = 0; offset < kPage; offset += 8) store(start + offset, 8, 0);
}

}  // namespace redoubt::hostile
