// SPDX-License-Identifier: Apache-2.0
//
// kvm_handle_guest_abort(): which faults of a protected guest come to the handler at all. Those of
// memory that it has not got yet; what the host does to its own mappings makes none. What is in no
// memslot is a device of the VMM's, or an abort in the guest.
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "tests/board/suite/support/donation.h"
#include "tests/board/suite/support/fault_path.h"
#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/isolated.h"
#include "tests/board/suite/support/trace.h"

namespace redoubt::suite {
namespace {

constexpr uint64_t kNowhere = 0x7f00'0000;  // in no memslot; memory to the guest's own tables
constexpr size_t kPages = 16;

// What a stage-2 fault was about (Arm ARM, ESR_ELx.ISS.xFSC without the level).
constexpr unsigned kTranslation = 0x04;
constexpr unsigned kPermission = 0x0c;

// The kinds of the faults that came to the host's handler for the window, one after the other.
std::vector<unsigned> kinds_of_faults(const Trace& trace) {
  std::vector<unsigned> kinds;
  std::istringstream lines(trace.lines());
  for (std::string line; std::getline(lines, line);) {
    unsigned long ipa = 0;
    unsigned syndrome = 0;
    const size_t fields = line.find("ipa ");
    if (fields == std::string::npos ||
        std::sscanf(line.c_str() + fields, "ipa %lx, hsr %x", &ipa, &syndrome) != 2) {
      throw std::runtime_error("no line of kvm_guest_fault: " + line);
    }
    if (ipa >= Guest::kWindow) kinds.push_back(syndrome & 0x3c);
  }
  return kinds;
}

void make_idle_and_unwritable(const FolioMemory& window) {
  ASSERT_TRUE(write_file("/proc/self/clear_refs", "1"));  // every page: not used lately
  ASSERT_EQ(::madvise(window.data(), window.size(), MADV_COLD), 0);
  ASSERT_EQ(::mprotect(window.data(), window.size(), PROT_READ), 0);
  ASSERT_EQ(::mprotect(window.data(), window.size(), PROT_NONE), 0);
  ASSERT_EQ(::mprotect(window.data(), window.size(), PROT_READ | PROT_WRITE), 0);
}

// Reads, writes and runs what is in each page, between all that the host can do to its mappings.
void use_every_page(Guest& guest, const FolioMemory& window) {
  for (int round = 0; round < 3; ++round) {
    for (size_t page = 0; page < kPages; ++page) {
      const uint64_t address = Guest::window_page(page);
      ASSERT_TRUE(guest.read(address).answered);
      ASSERT_EQ(guest.write(address + 64, address), answer(0));
      ASSERT_EQ(guest.command(Command::Execute, {address}), answer(address));
    }
    make_idle_and_unwritable(window);
  }
}

// mov x0, x0; ret: gives back the address that it is called with.
void write_code(const FolioMemory& window) {
  constexpr uint32_t kCode[] = {0xaa00'03e0, 0xd65f'03c0};
  for (size_t page = 0; page < kPages; ++page) std::memcpy(window.page(page), kCode, sizeof kCode);
}

CONTRACT_TEST(FaultsHandler, access_flag_and_permission_faults_never_come) {
  const FolioMemory window = FolioMemory::small_pages(kPages * page_size());
  write_code(window);
  Guest guest;
  back_window(guest, window);
  ASSERT_EQ(guest.command(Command::BootState), answer(0));
  const Trace trace("kvm", "kvm_guest_fault", TraceOf::ThisProcess);
  const FaultPath path;

  use_every_page(guest, window);

  EXPECT_EQ(kinds_of_faults(trace), std::vector<unsigned>(kPages, kTranslation))
      << "one for each page, when it was touched first";
  EXPECT_EQ(path.donations().size(), kPages);
}

// The same for a VM that is not protected, whose faults are of both kinds: the host writes into the
// log of its pages by permission faults.
CONTRACT_TEST(FaultsHandler, unprotected_guest_has_permission_faults) {
  const FolioMemory window = FolioMemory::small_pages(kPages * page_size());
  write_code(window);
  Guest guest(Protection::Unprotected);
  kvm_userspace_memory_region region{};
  region.slot = Guest::kWindowSlot;
  region.flags = KVM_MEM_LOG_DIRTY_PAGES;
  region.guest_phys_addr = Guest::kWindow;
  region.memory_size = window.size();
  // SAFETY: KVM keeps the address as a number; the memory outlives the guest.
  region.userspace_addr = reinterpret_cast<uintptr_t>(window.data());
  ASSERT_EQ(::ioctl(guest.vm().fd().get(), KVM_SET_USER_MEMORY_REGION, &region), 0);
  ASSERT_EQ(guest.command(Command::BootState), answer(0));
  const Trace trace("kvm", "kvm_guest_fault", TraceOf::ThisProcess);
  const FaultPath path;

  ASSERT_TRUE(guest.read(Guest::kWindow).answered);
  ASSERT_EQ(guest.write(Guest::kWindow, 1), answer(0));

  EXPECT_EQ(kinds_of_faults(trace), (std::vector<unsigned>{kTranslation, kPermission}));
  EXPECT_EQ(path.steps().find("charge"), std::string::npos) << path.steps();
}

// ---- In no memslot ----------------------------------------------------------------------------

// Nothing of the handler for memory, and one call of what deals with it instead.
void expect_no_memory(const FaultPath& path, const std::string& instead) {
  EXPECT_EQ(path.steps(), "");
  EXPECT_EQ(path.probe().count(instead), 1u);
}

void expect_abort(const Outcome& outcome, unsigned exception_class) {
  ASSERT_TRUE(outcome.exception.has_value()) << outcome;
  EXPECT_EQ(outcome.exception->exception_class(), exception_class) << outcome;
  EXPECT_EQ(outcome.exception->fault_status() & ~0x3u, kSynchronousExternal) << outcome;
}

struct Booted : Guest {
  Booted() { EXPECT_EQ(command(Command::BootState), answer(0)); }
};

CONTRACT_TEST(FaultsHandler, load_outside_memory_is_mmio) {
  Booted guest;
  const Trace trace("kvm", "kvm_guest_fault", TraceOf::ThisProcess);
  const Trace mmio("kvm", "kvm_mmio", TraceOf::ThisProcess);
  const FaultPath path;

  EXPECT_EQ(guest.read(kNowhere + 8), left_with(KVM_EXIT_MMIO));

  EXPECT_EQ(guest.vcpu().state().mmio.phys_addr, kNowhere + 8);
  EXPECT_EQ(path.steps(), "");
  EXPECT_NE(mmio.lines().find("gpa 0x7f000008"), std::string::npos) << mmio.lines();
}

CONTRACT_TEST(FaultsHandler, load_that_cannot_be_emulated_aborts_in_the_guest) {
  Booted guest;
  const Trace trace("kvm", "kvm_mmio_nisv", TraceOf::ThisProcess);
  const FaultPath path({"kvm_inject_sea"});

  expect_abort(guest.command(Command::LoadPair, {kNowhere}), kDataAbortSameLevel);

  EXPECT_EQ(trace.count(), 1u);
  EXPECT_EQ(path.steps(), "");
}

CONTRACT_TEST(FaultsHandler, instruction_outside_memory_aborts_in_the_guest) {
  Booted guest;
  const FaultPath path({"kvm_inject_sea"});

  const Outcome outcome = guest.command(Command::Execute, {kNowhere});

  expect_abort(outcome, kInstructionAbortSameLevel);
  expect_no_memory(path, "kvm_inject_sea");
  EXPECT_EQ(outcome.exception->far, kNowhere);
  EXPECT_EQ(guest.command(Command::BootState), answer(0)) << "the guest goes on";
}

// A guest whose own tables lead to nowhere for the third GiB: the last page of its image is the
// table that has an entry for each.
struct Misled : Booted {
  static constexpr uint64_t kLost = 0x8000'0000;

  Misled() {
    constexpr uint64_t kTable = 3;
    EXPECT_EQ(write(table() + 2 * sizeof(uint64_t), kNowhere | kTable), answer(0));
  }
  static uint64_t table() { return Guest::kRam + (Guest::image_pages() - 1) * page_size(); }
};

// KVM looks the level up that has failed, and for that it needs to read the guest's table.
CONTRACT_TEST(FaultsHandler, table_outside_memory_aborts_in_a_guest_that_shares_its_tables) {
  constexpr unsigned kExternalOnWalkOfLevel2 = 0x16;
  Misled guest;
  ASSERT_EQ(guest.share(Misled::table()), answer(0));
  const FaultPath path({"kvm_inject_sea"});

  const Outcome outcome = guest.read(Misled::kLost);

  ASSERT_TRUE(outcome.exception.has_value()) << outcome;
  EXPECT_EQ(outcome.exception->exception_class(), kDataAbortSameLevel) << outcome;
  EXPECT_EQ(outcome.exception->fault_status(), kExternalOnWalkOfLevel2) << outcome;
  EXPECT_EQ(outcome.exception->far, Misled::kLost);
  expect_no_memory(path, "kvm_inject_sea");
  EXPECT_EQ(guest.command(Command::BootState), answer(0)) << "the guest goes on";
}

// A private table it cannot read, and takes the fault for one that will pass: the vCPU gets
// nowhere, over and over, until a signal comes.
CONTRACT_TEST(FaultsHandler, table_outside_memory_is_met_again_and_again_by_a_private_guest) {
  Misled guest;
  struct sigaction action {};
  action.sa_handler = [](int) {};
  ASSERT_EQ(::sigaction(SIGALRM, &action, nullptr), 0);
  const FaultPath path({"kvm_inject_sea"});
  const itimerval often{{0, 200'000}, {0, 200'000}};
  const itimerval never{};
  while (path.probe().count("kvm_inject_sea") < 2) {
    ASSERT_EQ(::setitimer(ITIMER_REAL, &often, nullptr), 0);
    const Outcome outcome = guest.read(Misled::kLost);
    ASSERT_EQ(::setitimer(ITIMER_REAL, &never, nullptr), 0);

    ASSERT_EQ(outcome.error, EINTR) << outcome;
    ASSERT_EQ(outcome.exit_reason, uint32_t{KVM_EXIT_INTR}) << outcome;
  }
  EXPECT_EQ(path.steps(), "");
}

CONTRACT_TEST(FaultsHandler, cache_maintenance_outside_memory_is_skipped) {
  Booted guest;
  const Trace trace("kvm", "kvm_guest_fault", TraceOf::ThisProcess);
  const FaultPath path;

  EXPECT_EQ(guest.command(Command::CleanCache, {kNowhere}), answer(0));

  EXPECT_EQ(path.steps(), "");
  if (trace.lines().find("ipa 0x7f000000") == std::string::npos) {
    throw Unavailable("this processor does not look the address up, as QEMU's do not");
  }
}

}  // namespace
}  // namespace redoubt::suite
