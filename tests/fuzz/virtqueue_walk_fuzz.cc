// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as the rings and tables of a virtqueue: every chain that it gives out keeps to what its
// users rely on, and it ends.
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "devices/virtio/dma_memory.h"
#include "devices/virtio/features.h"
#include "devices/virtio/virtqueue.h"
#include "tests/fuzz/last_input.h"
#include "vmm/memory/guest_memory.h"

using namespace redoubt;

namespace {

// The queue is in the first page of the window, tables and buffers are in all three; in front of
// the window is memory that no device may use.
constexpr uint64_t kPage = 4096;
constexpr GuestAddress kRam{0x4000'0000};
constexpr GuestAddress kWindow{kRam.value() + 0x20'0000};
constexpr uint64_t kWindowSize = 3 * kPage;
constexpr uint16_t kMostEntries = 64;
constexpr uint64_t kAvailable = kMostEntries * 16;
constexpr uint64_t kUsed = 2 * kAvailable;
constexpr int kTurns = 4;

struct Memory {
  Memory() : guest(regions()), dma(guest, GuestRange(kWindow, kWindowSize)) {}
  static std::vector<MemoryRegion> regions() {
    return {{GuestRange(kRam, kPage), PrivateRam{}},
            {GuestRange(kWindow, kWindowSize), DmaWindow{}}};
  }
  GuestMemory guest;
  DmaMemory dma;
};

void require(bool holds) {
  if (!holds) std::abort();
}

// As a device does: everything is read, a part is written.
Result<void, QueueError> use(Virtqueue& queue, DescriptorChain chain) {
  const uint64_t all = uint64_t{chain.readable_bytes()} + chain.writable_bytes();
  require(all <= std::numeric_limits<uint32_t>::max());
  require(all <= uint64_t{queue.layout().size} * kWindowSize);
  std::array<std::byte, 512> buffer{};
  while (chain.readable_left() != 0) {
    const size_t size = std::min<size_t>(buffer.size(), chain.readable_left());
    TRY(chain.read(std::span(buffer).first(size)));
  }
  require(!chain.read(std::span(buffer).first(1)));
  const uint32_t written = chain.writable_bytes() / 2;
  for (uint32_t left = written; left != 0;) {
    const uint32_t size = std::min<uint32_t>(buffer.size(), left);
    TRY(chain.write(std::span<const std::byte>(buffer).first(size)));
    left -= size;
  }
  return queue.push(std::move(chain), written);
}

Result<void, QueueError> take_turn(Virtqueue& queue) {
  queue.begin_turn();
  for (uint16_t pops = 0;; ++pops) {
    std::optional<DescriptorChain> chain = TRY(queue.pop());
    if (!chain) break;
    require(pops < Virtqueue::kPopsPerTurn);
    TRY(use(queue, std::move(*chain)));
  }
  static_cast<void>(TRY(queue.take_interrupt_wanted()));
  return {};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const LastInput last;
  last.set(data, size);
  static Memory memory;
  if (size < 2) return 0;
  const uint64_t features =
      (data[0] & 1 ? virtio::kIndirectDesc : 0) | (data[0] & 2 ? virtio::kEventIdx : 0);
  const auto entries = static_cast<uint16_t>(1u << (data[1] % 7));
  std::vector<std::byte> window(kWindowSize);
  std::memcpy(window.data(), data + 2, std::min<size_t>(size - 2, window.size()));
  require(memory.guest.write(kWindow, window).has_value());

  auto queue = Virtqueue::create(memory.dma,
                                 {.size = entries,
                                  .descriptor_table = kWindow,
                                  .available_ring = GuestAddress(kWindow.value() + kAvailable),
                                  .used_ring = GuestAddress(kWindow.value() + kUsed)},
                                 features, 1);
  require(queue.has_value());
  for (int turn = 0; turn < kTurns; ++turn) {
    if (!take_turn(*queue)) break;
  }
  require(memory.dma.held() == 0);
  return 0;
}
