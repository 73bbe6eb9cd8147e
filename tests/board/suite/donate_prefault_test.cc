// SPDX-License-Identifier: Apache-2.0
//
// KVM_PRE_FAULT_MEMORY: memory that a protected guest is given before it asks.
#include <cerrno>
#include <csignal>

#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "tests/board/suite/support/donation.h"
#include "tests/board/suite/support/host_access.h"
#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/isolated.h"

namespace redoubt::suite {
namespace {

struct Prefault {
  int error;
  uint64_t left;  // bytes that were not dealt with

  bool operator==(const Prefault&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Prefault& result) {
  return out << "errno " << result.error << ", " << result.left << " bytes left";
}

// Calls once, or until all of the range or an error is met.
Prefault prefault_once(Guest& guest, uint64_t ipa, uint64_t size) {
  kvm_pre_fault_memory range{};
  range.gpa = ipa;
  range.size = size;
  const int result = ::ioctl(guest.vcpu().fd().get(), KVM_PRE_FAULT_MEMORY, &range);
  return {result == 0 ? 0 : errno, range.size};
}
Prefault prefault(Guest& guest, uint64_t ipa, uint64_t size) {
  Prefault result{0, size};
  while (result.error == 0 && result.left != 0) {
    result = prefault_once(guest, ipa + size - result.left, result.left);
  }
  return result;
}

// The first KVM_RUN makes the vCPU known to the hypervisor; with this it runs nothing of it.
void enter_and_leave(Guest& guest) {
  guest.vcpu().state().immediate_exit = 1;
  ASSERT_EQ(guest.vcpu().run(), EINTR);
  guest.vcpu().state().immediate_exit = 0;
}

void require_prefault(Guest& guest) {
  if (guest.vm().check_extension(KVM_CAP_PRE_FAULT_MEMORY) <= 0) {
    throw Unavailable("this kernel has no KVM_PRE_FAULT_MEMORY for protected VMs");
  }
}

CONTRACT_TEST(DonatePrefault, whole_memory_before_the_first_instruction) {
  const FolioMemory window = FolioMemory::huge_pages(2 * kHugePage);
  window.number_pages();
  Guest guest;
  back_window(guest, window);
  require_prefault(guest);
  enter_and_leave(guest);

  EXPECT_EQ(prefault(guest, Guest::kRam, Guest::kRamSize), (Prefault{0, 0}));
  EXPECT_EQ(prefault(guest, Guest::kWindow, window.size()), (Prefault{0, 0}));

  EXPECT_EQ(counters(guest).faults, 0u);
  EXPECT_EQ(locked_bytes(), Guest::kRamSize + window.size());
  EXPECT_EQ(host_load(window.page(5)).signal, SIGSEGV);
  for (size_t index = 0; index < 1024; index += 50) {
    ASSERT_EQ(guest.read(Guest::window_page(index)), answer(FolioMemory::number_of(index)));
  }
  EXPECT_EQ(counters(guest).faults, 0u);
}

CONTRACT_TEST(DonatePrefault, memory_that_was_never_touched_is_allocated) {
  const FolioMemory window = FolioMemory::small_pages(8 * page_size());
  Guest guest;
  back_window(guest, window);
  require_prefault(guest);
  enter_and_leave(guest);
  ASSERT_EQ(::madvise(window.data(), window.size(), MADV_DONTNEED), 0);

  EXPECT_EQ(prefault(guest, Guest::kWindow, window.size()), (Prefault{0, 0}));

  EXPECT_EQ(locked_bytes(), window.size());
}

CONTRACT_TEST(DonatePrefault, what_the_guest_has_already_is_passed_over) {
  const FolioMemory window = FolioMemory::small_pages(8 * page_size());
  window.number_pages();
  Guest guest;
  back_window(guest, window);
  require_prefault(guest);
  ASSERT_EQ(guest.touch(Guest::window_page(3), 2), answer(0));
  const Counters before = counters(guest);

  EXPECT_EQ(prefault(guest, Guest::kWindow, window.size()), (Prefault{0, 0}));
  EXPECT_EQ(prefault(guest, Guest::kWindow, window.size()), (Prefault{0, 0}));

  EXPECT_EQ(counters(guest).since(before), (Counters{.calls = 6, .donated = 6}));
  EXPECT_EQ(guest.read(Guest::window_page(7)), answer(FolioMemory::number_of(7)));
}

CONTRACT_TEST(DonatePrefault, limit_stops_it_and_tells_how_far_it_came) {
  const FolioMemory window = FolioMemory::small_pages(8 * page_size());
  Guest guest;
  back_window(guest, window);
  require_prefault(guest);
  enter_and_leave(guest);
  drop_ipc_lock();
  limit_locked_memory(3 * page_size());

  EXPECT_EQ(prefault_once(guest, Guest::kWindow, window.size()), (Prefault{0, 5 * page_size()}));
  EXPECT_EQ(prefault_once(guest, Guest::window_page(3), 5 * page_size()),
            (Prefault{ENOMEM, 5 * page_size()}));

  EXPECT_EQ(locked_bytes(), 3 * page_size());
}

CONTRACT_TEST(DonatePrefault, ranges_that_are_none_are_refused) {
  const FolioMemory window = FolioMemory::small_pages(8 * page_size());
  Guest guest;
  back_window(guest, window);
  require_prefault(guest);
  enter_and_leave(guest);
  const uint64_t size = page_size();

  EXPECT_EQ(prefault_once(guest, Guest::kUnbacked, size), (Prefault{ENOENT, size}));
  EXPECT_EQ(prefault_once(guest, ~uint64_t{0} - 2 * size + 1, size), (Prefault{ENOENT, size}));
  EXPECT_EQ(prefault_once(guest, Guest::kWindow + 8, size), (Prefault{EINVAL, size}));
  EXPECT_EQ(prefault_once(guest, Guest::kWindow, 0), (Prefault{EINVAL, 0}));
  EXPECT_EQ(prefault_once(guest, Guest::window_page(7), 2 * size), (Prefault{0, size}));
  ASSERT_EQ(::munmap(window.page(2), size), 0);
  EXPECT_EQ(prefault_once(guest, Guest::window_page(2), size), (Prefault{EFAULT, size}));
}

CONTRACT_TEST(DonatePrefault, vcpu_that_has_not_run_and_unprotected_vm_are_not_supported) {
  const FolioMemory window = FolioMemory::small_pages(page_size());
  Guest guest;
  back_window(guest, window);
  require_prefault(guest);
  EXPECT_EQ(prefault_once(guest, Guest::kWindow, page_size()), (Prefault{EOPNOTSUPP, page_size()}));

  Guest other(Protection::Unprotected);
  back_window(other, window);
  EXPECT_EQ(other.vm().check_extension(KVM_CAP_PRE_FAULT_MEMORY), 0);
  enter_and_leave(other);
  EXPECT_EQ(prefault_once(other, Guest::kWindow, page_size()), (Prefault{EOPNOTSUPP, page_size()}));
}

}  // namespace
}  // namespace redoubt::suite
