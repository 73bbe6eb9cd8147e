// SPDX-License-Identifier: Apache-2.0
//
// What the memory of a protected guest costs its host: the figures of `tests/bench/run donate`, one
// to a line as `figure NAME VALUE`. No suite has these; they are asked for by their name. What is
// counted is counted by the same means on a kernel with the series and on one without.
#include <cstdio>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>

#include <linux/kernel-page-flags.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

#include "tests/board/suite/support/donation.h"
#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/isolated.h"
#include "tests/board/suite/support/page_map.h"
#include "tests/board/suite/support/trace.h"

namespace redoubt::suite {
namespace {

constexpr size_t kMemory = 32 << 20;
const std::string kProbes = "/sys/kernel/tracing/kprobe_events";

void print_figure(const std::string& name, uint64_t value) {
  std::printf("figure %s %llu\n", name.c_str(), static_cast<unsigned long long>(value));
  std::fflush(stdout);
}

// On the board of the benchmark an instruction takes a nanosecond.
uint64_t now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

// Calls of a function of the kernel, which each make one hypercall.
class Calls {
 public:
  Calls(const std::string& name, const std::string& function) {
    write_file(kProbes, "p:redoubt/" + name + " " + function);
    trace_ = std::make_unique<Trace>("redoubt", name);
  }
  [[nodiscard]] size_t count() const { return trace_->count(); }

 private:
  std::unique_ptr<Trace> trace_;
};

bool is_patched(Guest& guest) {
  return statistic(guest.vm().fd(), "pkvm_donate_calls").has_value();
}

// The bytes of the memory that are in folios which the kernel, when asked to, cannot split: those
// with a pin on some page, which can neither be moved nor reclaimed then.
uint64_t immovable_bytes(const FolioMemory& memory) {
  constexpr uint64_t kHead = uint64_t{1} << KPF_COMPOUND_HEAD;
  constexpr uint64_t kTail = uint64_t{1} << KPF_COMPOUND_TAIL;
  ::mount("debugfs", "/sys/kernel/debug", "debugfs", 0, nullptr);
  // SAFETY: the kernel is told which addresses are meant.
  const auto begin = reinterpret_cast<uintptr_t>(memory.data());
  char request[64];
  std::snprintf(request, sizeof request, "%d,0x%lx,0x%lx", ::getpid(), begin,
                begin + memory.size());
  write_file("/sys/kernel/debug/split_huge_pages", request);
  uint64_t bytes = 0;
  for (const PageState& page : page_states(memory.data(), memory.size() / page_size())) {
    if (page.present && (page_flags(page.frame) & (kHead | kTail)) != 0) bytes += page_size();
  }
  return bytes;
}

void measure(const std::string& name, const FolioMemory& memory, size_t step, bool prefault) {
  auto guest = std::make_unique<Guest>();
  back_window(*guest, memory);
  ASSERT_EQ(guest->command(Command::BootState), answer(0));
  const bool patched = is_patched(*guest);
  const uint64_t locked = locked_bytes();
  // The commands to the guest are faults too, but at addresses that are no memory.
  const auto at_the_door = [&] {
    return statistic(guest->vcpu().fd(), "mmio_exit_user").value_or(0);
  };
  {
    const uint64_t commands = at_the_door();
    const Trace faults("kvm", "kvm_guest_fault");
    const Calls donations("donate", "pkvm_pgtable_stage2_map");
    if (prefault) {
      kvm_pre_fault_memory range{};
      range.gpa = Guest::kWindow;
      range.size = memory.size();
      while (range.size != 0) {
        ASSERT_EQ(::ioctl(guest->vcpu().fd().get(), KVM_PRE_FAULT_MEMORY, &range), 0);
      }
    }
    ASSERT_EQ(guest->command(Command::Touch, {Guest::kWindow, memory.size() / step, step}),
              answer(0));
    print_figure(name + ".faults", faults.count() - (at_the_door() - commands));
    print_figure(name + ".calls", donations.count());
  }
  print_figure(name + ".charged", locked_bytes() - locked);
  print_figure(name + ".immovable", immovable_bytes(memory));
  {
    const size_t own = Guest::image_pages();
    const std::unique_ptr<Calls> pages(
        patched ? nullptr : new Calls("reclaim", "unpin_user_pages_dirty_lock"));
    const std::unique_ptr<Trace> ranges(patched ? new Trace("kvm", "kvm_pkvm_reclaim") : nullptr);
    guest.reset();
    print_figure(name + ".reclaims", (patched ? ranges->count() : pages->count()) - own);
  }
}

// Without the instruments, which cost instructions themselves.
void measure_time(const std::string& name, const FolioMemory& memory) {
  auto guest = std::make_unique<Guest>();
  back_window(*guest, memory);
  ASSERT_EQ(guest->command(Command::BootState), answer(0));
  uint64_t begin = now();
  ASSERT_EQ(guest->touch(Guest::kWindow, memory.size() / page_size()), answer(0));
  print_figure(name + ".touch_instructions", now() - begin);
  begin = now();
  guest.reset();
  print_figure(name + ".teardown_instructions", now() - begin);
}

uint64_t time_to_read(const FolioMemory& memory, size_t from) {
  const uint64_t begin = now();
  for (size_t index = from + 1; index < from + 512; ++index) {
    static_cast<void>(*static_cast<volatile std::byte*>(memory.page(index)));
  }
  return now() - begin;
}

// A page of each block is given away. If that breaks a block, the host has to take a fault of the
// hypervisor's for each other page of it, at some thousand instructions; if not, for none.
void measure_blocks(const std::string& name, const FolioMemory& memory) {
  constexpr uint64_t kFault = 300;
  size_t blocks = 0;
  for (size_t first = 0; first < memory.size() / page_size(); first += 512) {
    Guest guest;
    back(guest, Guest::kWindowSlot, Guest::kWindow, memory.page(first), page_size());
    ASSERT_EQ(guest.touch(Guest::kWindow, 1), answer(0));
    if (time_to_read(memory, first) > 511 * kFault) ++blocks;
  }
  print_figure(name + ".host_blocks", blocks);
  print_figure(name + ".host_blocks_of", memory.size() / kHugePage);
}

CONTRACT_TEST(BenchDonate, small_pages) {
  measure("4k", FolioMemory::small_pages(kMemory), page_size(), false);
  measure_time("4k", FolioMemory::small_pages(kMemory));
}

CONTRACT_TEST(BenchDonate, folios_of_64_kib) {
  measure("64k", FolioMemory::folios_of_64_kib(kMemory), page_size(), false);
  measure("64k-sparse", FolioMemory::folios_of_64_kib(kMemory), 64 << 10, false);
  measure_time("64k", FolioMemory::folios_of_64_kib(kMemory));
}

CONTRACT_TEST(BenchDonate, huge_pages) {
  measure("2m", FolioMemory::huge_pages(kMemory), page_size(), false);
  measure("2m-sparse", FolioMemory::huge_pages(kMemory), kHugePage, false);
  const FolioMemory memory = FolioMemory::huge_pages(kMemory);
  measure_time("2m", memory);
  measure_blocks("2m", memory);
}

CONTRACT_TEST(BenchDonate, huge_pages_of_a_memfd) {
  measure("memfd-2m", FolioMemory::shared_huge_pages(kMemory), page_size(), false);
}

CONTRACT_TEST(BenchDonate, huge_pages_in_advance) {
  {
    Guest guest;
    if (guest.vm().check_extension(KVM_CAP_PRE_FAULT_MEMORY) <= 0) {
      throw Unavailable("this kernel has no KVM_PRE_FAULT_MEMORY for protected VMs");
    }
  }
  measure("2m-prefault", FolioMemory::huge_pages(kMemory), page_size(), true);
  measure("4k-prefault", FolioMemory::small_pages(kMemory), page_size(), true);
}

}  // namespace
}  // namespace redoubt::suite
