// SPDX-License-Identifier: Apache-2.0
//
// The pin fails: memory of the VMM that KVM may not keep where it is, or that there is not. The
// handler sees -EFAULT for nearly all of them, so each is met with what would have to change for it
// to be given after all; and then it is.
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/board/suite/support/donation.h"
#include "tests/board/suite/support/fault_path.h"
#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/isolated.h"
#include "tests/board/suite/support/page_server.h"
#include "tests/board/suite/support/private_mount.h"

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

namespace redoubt::suite {
namespace {

constexpr size_t kPages = 8;
// A page in the middle, so that an address of 0 or of the slot's start is not right by chance.
constexpr size_t kPage = 3;
constexpr uint64_t kWord = 0x6c61'7465'2021;
constexpr Failure kFault{.explained = EFAULT, .bare = EFAULT};

uint64_t address() { return Guest::window_page(kPage); }

// Behind the page, in the place of what the window has there.
void map_at_page(const FolioMemory& window, int protection, int flags, int fd) {
  void* mapped = ::mmap(window.page(kPage), page_size(), protection, flags | MAP_FIXED, fd, 0);
  ASSERT_EQ(mapped, window.page(kPage)) << std::strerror(errno);
}

// The guest meets the page for the first time, and gets it once `mend` has been called.
template <typename Mend>
void expect_pin_fails_until(const FolioMemory& window, Guest& guest, const Mend& mend) {
  const uint64_t locked = locked_bytes();
  const int64_t pinned = pinned_pages();
  const FaultPath path;
  expect_failure(guest, guest.read(address()), kFault, address());
  EXPECT_EQ(path.steps(), pin_refused("EFAULT"));
  EXPECT_EQ(locked_bytes(), locked);
  EXPECT_EQ(pinned_pages(), pinned);

  mend();
  std::memcpy(window.page(kPage), &kWord, sizeof kWord);
  path.forget();
  EXPECT_EQ(guest.resume(), answer(kWord));
  EXPECT_EQ(path.steps(), kPageGiven);
}

struct Window : FolioMemory {
  Window() : FolioMemory(small_pages(kPages * page_size())) {}
};

struct Booted : Guest {
  explicit Booted(const FolioMemory& window) {
    suite::back_window(*this, window);
    EXPECT_EQ(command(Command::BootState), answer(0));
  }
};

CONTRACT_TEST(FaultsPin, hole_until_something_is_mapped) {
  const Window window;
  Booted guest(window);
  ASSERT_EQ(::munmap(window.page(kPage), page_size()), 0);

  expect_pin_fails_until(window, guest, [&] {
    map_at_page(window, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  });
}

void expect_protection_fails(int protection) {
  const Window window;
  Booted guest(window);
  ASSERT_EQ(::mprotect(window.page(kPage), page_size(), protection), 0);

  expect_pin_fails_until(window, guest, [&] {
    ASSERT_EQ(::mprotect(window.page(kPage), page_size(), PROT_READ | PROT_WRITE), 0);
  });
}

CONTRACT_TEST(FaultsPin, prot_none_until_it_may_be_accessed) { expect_protection_fails(PROT_NONE); }

CONTRACT_TEST(FaultsPin, read_only_until_it_may_be_written) { expect_protection_fails(PROT_READ); }

// A mapping of a file is refused while the file's own pages would be written back behind the
// guest's back. A private copy of the same file is as good as any memory.
void expect_file_fails(int fd) {
  const Window window;
  Booted guest(window);
  ASSERT_EQ(::ftruncate(fd, static_cast<off_t>(page_size())), 0) << std::strerror(errno);
  map_at_page(window, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
  std::memcpy(window.page(kPage), &kWord, sizeof kWord);

  expect_pin_fails_until(window, guest,
                         [&] { map_at_page(window, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd); });
}

CONTRACT_TEST(FaultsPin, file_of_a_file_system_with_writeback) {
  const LoopDevice disk(kExt2Size);
  format_ext2(disk);
  const PrivateMount mount("ext4", disk.path());
  const UniqueFd file(::open((mount / "file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_TRUE(file.valid()) << std::strerror(errno);

  expect_file_fails(file.get());
}

// There is nothing to write back to, but somebody to be told before a page is written.
CONTRACT_TEST(FaultsPin, file_of_ramfs) {
  const PrivateMount mount("ramfs");
  const UniqueFd file(::open((mount / "file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_TRUE(file.valid()) << std::strerror(errno);

  expect_file_fails(file.get());
}

CONTRACT_TEST(FaultsPin, secret_memory) {
  const Window window;
  Booted guest(window);
  const UniqueFd secret(static_cast<int>(::syscall(SYS_memfd_secret, O_CLOEXEC)));
  if (!secret.valid()) throw Unavailable("this host has no memfd_secret");
  ASSERT_EQ(::ftruncate(secret.get(), static_cast<off_t>(page_size())), 0);
  map_at_page(window, PROT_READ | PROT_WRITE, MAP_SHARED, secret.get());
  std::memcpy(window.page(kPage), &kWord, sizeof kWord);

  // The pages are locked for as long as they are mapped, which the mapping in their place is not.
  const uint64_t secret_is_locked = locked_bytes();
  {
    const FaultPath path;
    expect_failure(guest, guest.read(address()), kFault, address());
    EXPECT_EQ(path.steps(), pin_refused("EFAULT"));
  }
  EXPECT_EQ(locked_bytes(), secret_is_locked);
  map_at_page(window, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  const FaultPath path;
  EXPECT_EQ(guest.resume(), answer(0));
  EXPECT_EQ(path.steps(), kPageGiven);
}

// The stock handler does not let userspace provide the page; the patched one waits for it.
CONTRACT_TEST(FaultsPin, page_that_userspace_has_yet_to_provide) {
  const Window window;
  Booted guest(window);
  const PageServer server(window);
  const FaultPath path({"handle_userfault"});
  if (!explains_faults(guest)) {
    EXPECT_EQ(guest.read(address()), run_error(EFAULT));
    EXPECT_EQ(path.steps(), pin_refused("EFAULT"));
    EXPECT_EQ(path.probe().count("handle_userfault"), 1u);
    return;
  }

  std::thread userspace([&] { server.serve_one(kWord); });
  const Outcome outcome = guest.read(address());
  userspace.join();

  EXPECT_EQ(outcome, answer(kWord));
  EXPECT_EQ(path.steps(), kPageGiven);
  EXPECT_EQ(path.probe().count("handle_userfault"), 1u);
}

CONTRACT_TEST(FaultsPin, signal_ends_the_wait_for_userspace_and_the_guest_can_go_on) {
  const Window window;
  Booted guest(window);
  if (!explains_faults(guest)) throw Unavailable("this kernel does not wait");
  const PageServer server(window);
  struct sigaction action {};
  action.sa_handler = [](int) {};
  ASSERT_EQ(::sigaction(SIGALRM, &action, nullptr), 0);
  const FaultPath path;
  // More than once: the first may come before KVM_RUN waits.
  const itimerval often{{0, 50'000}, {0, 50'000}};
  ASSERT_EQ(::setitimer(ITIMER_REAL, &often, nullptr), 0);

  const Outcome outcome = guest.read(address());
  const itimerval never{};
  ASSERT_EQ(::setitimer(ITIMER_REAL, &never, nullptr), 0);

  EXPECT_EQ(outcome.error, EINTR);
  EXPECT_EQ(outcome.exit_reason, uint32_t{KVM_EXIT_INTR});
  const std::vector<int> pinned = path.probe().returned("pin_user_pages_unlocked");
  ASSERT_FALSE(pinned.empty());
  EXPECT_EQ(pinned.back(), -EINTR);
  std::thread userspace([&] { server.serve_one(kWord); });
  EXPECT_EQ(guest.resume(), answer(kWord));
  userspace.join();
}

// Nothing of what was charged and pinned on the way may stay behind, however often it fails.
CONTRACT_TEST(FaultsPin, failing_a_hundred_times_costs_nothing) {
  const Window window;
  Booted guest(window);
  const uint64_t locked = locked_bytes();
  const int64_t pinned = pinned_pages();
  ASSERT_EQ(::mprotect(window.page(kPage), page_size(), PROT_READ), 0);
  const FaultPath path;

  for (int attempt = 0; attempt < 100; ++attempt) ASSERT_EQ(guest.read(address()).error, EFAULT);

  EXPECT_EQ(path.probe().count("account_locked_vm"), 200u);
  EXPECT_EQ(locked_bytes(), locked);
  EXPECT_EQ(pinned_pages(), pinned);
}

}  // namespace
}  // namespace redoubt::suite
