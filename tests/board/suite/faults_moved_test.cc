// SPDX-License-Identifier: Apache-2.0
//
// A page that lies where nothing may be pinned for long: in memory set aside for devices (CMA), or
// in the zone of what can be moved away. The pin moves it first, and the guest gets what was in it.
#include <chrono>
#include <cstdint>
#include <cstring>
#include <optional>
#include <sstream>
#include <string>

#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/board/suite/support/donation.h"
#include "tests/board/suite/support/fault_path.h"
#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/isolated.h"
#include "tests/board/suite/support/page_map.h"
#include "tests/board/suite/support/trace.h"
#include "tests/sizes.h"

namespace redoubt::suite {
namespace {

constexpr uint64_t kMostMemory = 16ull << 30;  // that a test may fill
constexpr uint64_t kSpare = 24 * kMiB;         // that it leaves

// A kernel that clears all that it hands out has gigabytes to clear for a test that fills memory.
// To be killed for it would leave the host without that memory.
class Patience {
 public:
  void check() const {
    if (Clock::now() > end_) throw Unavailable("it takes too long to fill this host's memory");
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point end_ = Clock::now() + std::chrono::seconds(40);
};

struct Frames {
  uint64_t first;
  uint64_t end;
};

// Page frames of CMA, as the kernel has said when it set them aside.
Frames frames_of_cma() {
  const std::string log = kernel_log();
  const std::string said = "cma: Reserved ";
  const size_t at = log.find(said);
  const size_t where = log.find(" MiB at 0x", at);
  if (at == std::string::npos || where == std::string::npos) {
    throw Unavailable("the kernel's log says nothing of CMA");
  }
  const uint64_t size = std::stoull(log.substr(at + said.size())) * kMiB;
  const uint64_t start = std::stoull(log.substr(where + 8), nullptr, 16);
  return {start / page_size(), (start + size) / page_size()};
}

struct MovableZone {
  unsigned long node;
  Frames frames;
};

std::optional<MovableZone> zone_movable() {
  std::istringstream zones(read_file("/proc/zoneinfo").value_or(""));
  bool inside = false;
  unsigned long node = 0;
  uint64_t pages = 0;
  for (std::string line; std::getline(zones, line);) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    if (name == "Node") {
      words >> node;
      inside = line.find("Movable") != std::string::npos;
    }
    if (inside && name == "spanned") words >> pages;
    if (!inside || name != "start_pfn:" || pages == 0) continue;
    uint64_t first = 0;
    words >> first;
    return MovableZone{node, {first, first + pages}};
  }
  return std::nullopt;
}

// Has the pages of the window made, some at a time and with a number in each, until one of them is
// in `frames`; its index.
std::optional<size_t> write_until_in(const Backing& window, Frames frames,
                                     const Patience& patience = {}) {
  constexpr size_t kAtATime = 256;
  for (size_t first = 0; first < window.size() / page_size(); first += kAtATime) {
    patience.check();
    if (meminfo("MemFree").value_or(0) * 1024 < kSpare) break;
    for (size_t page = first; page < first + kAtATime; ++page) {
      const uint64_t number = FolioMemory::number_of(page);
      std::memcpy(window.page(page), &number, sizeof number);
    }
    const auto states = page_states(window.page(first), kAtATime);
    for (size_t index = 0; index < kAtATime; ++index) {
      const uint64_t frame = states[index].frame;
      if (frame >= frames.first && frame < frames.end) return first + index;
    }
  }
  return std::nullopt;
}

// Of single pages, none of which is there yet.
Backing empty_window(size_t size) {
  Backing window = Backing::anonymous(size);
  EXPECT_EQ(::madvise(window.data(), size, MADV_NOHUGEPAGE), 0);
  window.keep_out_of_children();
  return window;
}

void expect_moved(const Backing& window, size_t page, Frames frames) {
  Guest guest;
  back(guest, Guest::kWindowSlot, Guest::kWindow, window.page(page), page_size());
  ASSERT_EQ(guest.command(Command::BootState), answer(0));
  const FaultPath path;
  const Trace moved("migrate", "mm_migrate_pages", TraceOf::ThisProcess);

  EXPECT_EQ(guest.read(Guest::kWindow), answer(FolioMemory::number_of(page)));

  EXPECT_EQ(path.steps(), kPageGiven);
  EXPECT_EQ(moved.count(), 1u);
  EXPECT_NE(moved.lines().find("nr_succeeded=1 "), std::string::npos) << moved.lines();
  EXPECT_NE(moved.lines().find("reason=longterm_pin"), std::string::npos) << moved.lines();
  const uint64_t frame = page_state(window.page(page)).frame;
  EXPECT_TRUE(frame < frames.first || frame >= frames.end) << frame;
}

// Takes memory until no more than `rest` is free.
void take_all_but(uint64_t rest, const std::string& nr_hugepages, const Patience& patience) {
  uint64_t taken = meminfo("HugePages_Total").value_or(0);
  while (meminfo("MemFree").value_or(0) * 1024 > rest) {
    patience.check();
    taken += 32;
    write_file(nr_hugepages, std::to_string(taken));
    if (meminfo("HugePages_Total") != taken) return;  // no more to be had in this size
  }
}

// Pages come from there once there is little else, so most of the rest is taken for a moment.
CONTRACT_TEST(FaultsMoved, page_in_cma_is_migrated_first) {
  const Frames frames = frames_of_cma();
  if (meminfo("MemFree").value_or(0) * 1024 > kMostMemory) {
    throw Unavailable("this host has too much memory to be filled");
  }
  const uint64_t rest = 2 * (frames.end - frames.first) * page_size() + 96 * kMiB;
  const Backing window = empty_window(rest);
  const Patience patience;
  std::optional<size_t> page;
  {
    const std::string nr_hugepages = "/proc/sys/vm/nr_hugepages";
    const Setting restored(nr_hugepages, std::to_string(meminfo("HugePages_Total").value_or(0)));
    // What the kernel keeps for itself may be more than there is of CMA.
    const Setting less_kept("/proc/sys/vm/min_free_kbytes", "8192");
    take_all_but(rest, nr_hugepages, patience);
    page = write_until_in(window, frames, patience);
  }
  if (!page) throw Unavailable("the host gave no page of CMA away");

  expect_moved(window, *page, frames);
}

CONTRACT_TEST(FaultsMoved, page_in_zone_movable_is_migrated_first) {
  const auto zone = zone_movable();
  if (!zone) throw Unavailable("no ZONE_MOVABLE on this host: boot it with movablecore=");
  const Backing window = empty_window(kMiB);
  const unsigned long nodes = 1ul << zone->node;
  ASSERT_EQ(::syscall(SYS_mbind, window.data(), window.size(), MPOL_BIND, &nodes, 64ul, 0), 0);
  const auto page = write_until_in(window, zone->frames);
  if (!page) throw Unavailable("the host gave no page of ZONE_MOVABLE away");

  expect_moved(window, *page, zone->frames);
}

}  // namespace
}  // namespace redoubt::suite
