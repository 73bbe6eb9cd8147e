// SPDX-License-Identifier: Apache-2.0
#include "vmm/memory/safe_access.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/memory/death.h"
#include "tests/unit/memory/faulting_pages.h"
#include "tests/unit/memory/hardware_error.h"
#include "vmm/base/event_fd.h"
#include "vmm/base/setup_error.h"

namespace redoubt {
namespace {

constexpr std::byte kUntouched{0xee};
constexpr size_t kReach = 200;  // bytes before the fault at which a copy starts, at most

std::byte pattern(size_t i) { return static_cast<std::byte>(i * 7 + 1); }

void fill_pattern(std::span<std::byte> bytes) {
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = pattern(i);
}

class SafeAccess : public testing::TestWithParam<Fault> {
 protected:
  FaultingPages pages_{GetParam()};
  EventFd event_;
  GuestAccessRegion region_{pages_.start(), pages_.size(), event_.fd()};
};

INSTANTIATE_TEST_SUITE_P(Faults, SafeAccess, testing::Values(Fault::Segv, Fault::Bus),
                         [](const auto& param_info) {
                           return param_info.param == Fault::Segv ? "sigsegv" : "sigbus";
                         });

// Whatever a routine may do differently, for copies from `offset` bytes before the fault.
std::vector<size_t> sizes_to_try(size_t offset) {
  std::vector<size_t> sizes{offset + 17, kReach + 64};
  for (size_t size = 0; size <= 40; ++size) sizes.push_back(size);
  for (size_t size = offset < 1 ? 0 : offset - 1; size <= offset + 1; ++size) sizes.push_back(size);
  return sizes;
}

// One copy from `offset` bytes before the fault; -1 if all is as it should be, else the index of
// the first wrong byte.
int64_t first_wrong_byte_copied_from(const FaultingPages& pages, size_t offset, size_t size,
                                     size_t misalignment) {
  std::array<std::byte, 2 * kReach + 16> buffer;
  buffer.fill(kUntouched);
  const size_t expected = std::min(offset, size);
  std::byte* const to = buffer.data() + misalignment;
  if (copy_from_guest(to, pages.boundary() - offset, size) != size - expected) return 0;
  const size_t first = pages.first_page().size() - offset;
  for (size_t i = 0; i < buffer.size() - misalignment; ++i) {
    const std::byte right = i < expected ? pattern(first + i) : kUntouched;
    if (to[i] != right) return static_cast<int64_t>(i);
  }
  return -1;
}

int64_t first_wrong_byte_copied_to(const FaultingPages& pages, size_t offset, size_t size,
                                   size_t misalignment) {
  std::array<std::byte, 2 * kReach + 16> buffer;
  fill_pattern(buffer);
  const std::span<std::byte> tail = pages.first_page().last(kReach);
  std::ranges::fill(tail, kUntouched);
  const size_t expected = std::min(offset, size);
  const std::byte* const from = buffer.data() + misalignment;
  if (copy_to_guest(pages.boundary() - offset, from, size) != size - expected) return 0;
  for (size_t i = 0; i < tail.size(); ++i) {
    const size_t start = tail.size() - offset;
    const bool copied = i >= start && i < start + expected;
    if (tail[i] != (copied ? from[i - start] : kUntouched)) return static_cast<int64_t>(i);
  }
  return -1;
}

TEST_P(SafeAccess, copy_from_guest_stops_exactly_at_the_fault) {
  fill_pattern(pages_.first_page());
  for (size_t offset = 0; offset <= kReach; ++offset) {
    for (const size_t size : sizes_to_try(offset)) {
      for (const size_t misalignment : {size_t{0}, size_t{1}, size_t{7}}) {
        ASSERT_EQ(first_wrong_byte_copied_from(pages_, offset, size, misalignment), -1)
            << "offset " << offset << " size " << size << " misalignment " << misalignment;
      }
    }
  }
}

TEST_P(SafeAccess, copy_to_guest_stops_exactly_at_the_fault) {
  for (size_t offset = 0; offset <= kReach; ++offset) {
    for (const size_t size : sizes_to_try(offset)) {
      for (const size_t misalignment : {size_t{0}, size_t{1}, size_t{7}}) {
        ASSERT_EQ(first_wrong_byte_copied_to(pages_, offset, size, misalignment), -1)
            << "offset " << offset << " size " << size << " misalignment " << misalignment;
      }
    }
  }
}

TEST_P(SafeAccess, zero_guest_stops_exactly_at_the_fault) {
  const std::span<std::byte> tail = pages_.first_page().last(kReach);
  for (size_t offset = 0; offset <= kReach; ++offset) {
    for (const size_t size : {size_t{0}, size_t{1}, offset, offset + 1, offset + 17}) {
      std::ranges::fill(tail, kUntouched);
      const size_t expected = std::min(offset, size);
      ASSERT_EQ(zero_guest(pages_.boundary() - offset, size), size - expected);
      for (size_t i = 0; i < kReach; ++i) {
        const size_t start = kReach - offset;
        const bool zeroed = i >= start && i < start + expected;
        ASSERT_EQ(tail[i], zeroed ? std::byte{0} : kUntouched) << "offset " << offset;
      }
    }
  }
}

TEST_P(SafeAccess, copies_whole_page_in_both_directions) {
  std::vector<std::byte> out(pages_.first_page().size());
  std::vector<std::byte> in(out.size());
  fill_pattern(out);
  EXPECT_EQ(copy_to_guest(pages_.start(), out.data(), out.size()), 0u);
  EXPECT_EQ(copy_from_guest(in.data(), pages_.start(), in.size()), 0u);
  EXPECT_EQ(in, out);
}

TEST_P(SafeAccess, u16_accesses_at_the_last_address_succeed) {
  const uintptr_t last = pages_.boundary() - 2;
  uint16_t plain = 0;
  uint16_t acquired = 0;
  EXPECT_EQ(store_release_guest_u16(last, 0xabcd), 0u);
  EXPECT_EQ(load_guest_u16(last, &plain), 0u);
  EXPECT_EQ(load_acquire_guest_u16(last, &acquired), 0u);
  EXPECT_EQ(plain, 0xabcd);
  EXPECT_EQ(acquired, 0xabcd);
}

TEST_P(SafeAccess, u16_accesses_beyond_fail_and_leave_the_result_alone) {
  uint16_t value = 0x1234;
  EXPECT_NE(load_guest_u16(pages_.boundary(), &value), 0u);
  EXPECT_NE(load_acquire_guest_u16(pages_.boundary(), &value), 0u);
  EXPECT_NE(store_release_guest_u16(pages_.boundary(), 1), 0u);
  EXPECT_EQ(value, 0x1234);
}

TEST_P(SafeAccess, errno_survives_a_fault) {
  errno = EXDEV;
  EXPECT_EQ(zero_guest(pages_.boundary(), 1), 1u);
  EXPECT_EQ(errno, EXDEV);
}

TEST(SafeAccessThreads, copy_survives_revocation_at_any_moment) {
  constexpr int kFlips = 20'000;
  FaultingPages pages(Fault::Segv);
  pages.protect_second(PROT_READ | PROT_WRITE);
  const EventFd event;
  const GuestAccessRegion region(pages.start(), pages.size(), event.fd());
  std::atomic<bool> flipping = true;
  std::thread flipper([&] {
    for (int i = 0; i < kFlips; ++i) {
      pages.protect_second(i % 2 == 0 ? PROT_NONE : PROT_READ | PROT_WRITE);
    }
    flipping = false;
  });
  const size_t half = pages.size() / 2;
  std::vector<std::byte> out(half, std::byte{0x5a});
  std::vector<std::byte> in(half);
  size_t wrong = 0;
  while (flipping) {
    const size_t not_written = copy_to_guest(pages.boundary() - half / 2, out.data(), half);
    const size_t not_read = copy_from_guest(in.data(), pages.boundary() - half / 2, half);
    if (not_written > half / 2 || not_read > half / 2) ++wrong;
    if (in[0] != out[0] || in[half / 2 - 1] != out[0]) ++wrong;
  }
  flipper.join();
  EXPECT_EQ(wrong, 0u);
}

TEST(SafeAccessThreads, every_thread_survives_its_own_faults) {
  FaultingPages pages(Fault::Segv);
  const EventFd event;
  const GuestAccessRegion region(pages.start(), pages.size(), event.fd());
  std::array<std::thread, 4> threads;
  std::atomic<int> survived = 0;
  for (std::thread& thread : threads) {
    thread = std::thread([&] {
      for (int i = 0; i < 2'000; ++i) {
        if (zero_guest(pages.boundary(), 64) == 64) ++survived;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(survived, 4 * 2'000);
}

TEST(SafeAccessRegions, more_than_a_process_needs_are_refused) {
  const EventFd event;
  std::vector<GuestAccessRegion> regions;
  EXPECT_THROW(
      {
        for (uintptr_t i = 1; i < 1000; ++i) regions.emplace_back(i * 4096, 4096, event.fd());
      },
      SetupError);
  regions.clear();
  EXPECT_NO_THROW(GuestAccessRegion(4096, 4096, event.fd()));
}

class HardwareErrors : public testing::Test {
 protected:
  FaultingPages pages_{Fault::Segv};
  EventFd event_;
  GuestAccessRegion region_{pages_.start(), pages_.size(), event_.fd()};
};

TEST_F(HardwareErrors, none_is_reported_without_one) {
  EXPECT_FALSE(region_.take_hardware_error());
  EXPECT_FALSE(event_.drain());
}

TEST_F(HardwareErrors, page_and_kind_are_reported_once) {
  send_hardware_error(pages_.boundary() + 0x123, BUS_MCEERR_AR);
  const auto error = region_.take_hardware_error();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->page, pages_.boundary());
  EXPECT_EQ(error->kind, HardwareErrorKind::ActionRequired);
  EXPECT_TRUE(event_.drain());
  EXPECT_FALSE(region_.take_hardware_error());
}

TEST_F(HardwareErrors, required_action_replaces_optional_action) {
  send_hardware_error(pages_.start(), BUS_MCEERR_AO);
  send_hardware_error(pages_.boundary(), BUS_MCEERR_AR);
  const auto error = region_.take_hardware_error();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->page, pages_.boundary());
  EXPECT_EQ(error->kind, HardwareErrorKind::ActionRequired);
}

TEST_F(HardwareErrors, optional_action_does_not_replace_required_action) {
  send_hardware_error(pages_.boundary(), BUS_MCEERR_AR);
  send_hardware_error(pages_.start(), BUS_MCEERR_AO);
  const auto error = region_.take_hardware_error();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind, HardwareErrorKind::ActionRequired);
}

// Each of these must crash: a fault that is not a refused access to guest memory is a bug of ours.
class CrashDeathTest : public testing::Test {
 protected:
  // Run anew in a process of its own, so that threads of other tests do not matter.
  CrashDeathTest() { testing::FLAGS_gtest_death_test_style = "threadsafe"; }

  FaultingPages pages_{Fault::Segv};
  EventFd event_;
};

[[gnu::noinline]] void touch(uintptr_t address) {
  // SAFETY: not safe at all, that is the test. The number is laundered through a volatile, so that
  // the compiler does not see what it is.
  volatile uintptr_t hidden = address;
  *reinterpret_cast<volatile char*>(hidden + 0) = 1;
}

bool by_segv(int status) { return died_of(status, SIGSEGV); }
bool by_bus(int status) { return died_of(status, SIGBUS); }

TEST_F(CrashDeathTest, null_dereference_kills) {
  const GuestAccessRegion region(pages_.start(), pages_.size(), event_.fd());
  EXPECT_EXIT(
      {
        touch(16);
        ::_exit(0);
      },
      by_segv, "");
}

TEST_F(CrashDeathTest, direct_access_to_guest_memory_kills) {
  const GuestAccessRegion region(pages_.start(), pages_.size(), event_.fd());
  EXPECT_EXIT(
      {
        touch(pages_.boundary());
        ::_exit(0);
      },
      by_segv, "");
}

TEST_F(CrashDeathTest, safe_access_outside_every_region_kills) {
  install_fault_handler();
  EXPECT_EXIT(::_exit(static_cast<int>(zero_guest(pages_.boundary(), 1) & 0)), by_segv, "");
}

TEST_F(CrashDeathTest, safe_access_to_a_region_given_up_kills) {
  { const GuestAccessRegion region(pages_.start(), pages_.size(), event_.fd()); }
  EXPECT_EXIT(::_exit(static_cast<int>(zero_guest(pages_.boundary(), 1) & 0)), by_segv, "");
}

TEST_F(CrashDeathTest, fault_of_the_host_buffer_kills) {
  const FaultingPages guest(Fault::Segv);
  const GuestAccessRegion region(guest.start(), guest.size(), event_.fd());
  std::byte* const bad = pages_.first_page().data() + pages_.first_page().size();
  EXPECT_EXIT(::_exit(static_cast<int>(copy_from_guest(bad, guest.start(), 16) & 0)), by_segv, "");
}

TEST_F(CrashDeathTest, sigsegv_from_a_process_kills) {
  const GuestAccessRegion region(pages_.start(), pages_.size(), event_.fd());
  EXPECT_EXIT(
      {
        ::kill(::getpid(), SIGSEGV);
        ::_exit(0);
      },
      by_segv, "");
}

TEST_F(CrashDeathTest, sigbus_from_a_process_kills) {
  const GuestAccessRegion region(pages_.start(), pages_.size(), event_.fd());
  EXPECT_EXIT(
      {
        ::kill(::getpid(), SIGBUS);
        ::_exit(0);
      },
      by_bus, "");
}

TEST_F(CrashDeathTest, hardware_error_elsewhere_kills) {
  const GuestAccessRegion region(pages_.start(), pages_.size(), event_.fd());
  EXPECT_EXIT(
      {
        send_hardware_error(4096, BUS_MCEERR_AO);
        ::_exit(0);
      },
      by_bus, "");
}

// The handler that was there before ours.
void exit_with_42(int, siginfo_t*, void*) { ::_exit(42); }

TEST_F(CrashDeathTest, earlier_handler_gets_what_is_not_ours) {
  EXPECT_EXIT(
      {
        struct sigaction action = {};
        action.sa_sigaction = exit_with_42;
        action.sa_flags = SA_SIGINFO;
        ::sigaction(SIGSEGV, &action, nullptr);
        install_fault_handler();
        touch(16);
        ::_exit(0);
      },
      testing::ExitedWithCode(42), "");
}

TEST_F(CrashDeathTest, ignored_sigsegv_kills_all_the_same) {
  EXPECT_EXIT(
      {
        ::signal(SIGSEGV, SIG_IGN);
        install_fault_handler();
        touch(16);
        ::_exit(0);
      },
      by_segv, "");
}

}  // namespace
}  // namespace redoubt
