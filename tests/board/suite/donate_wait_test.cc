// SPDX-License-Identifier: Apache-2.0
//
// Memory that is not there yet when a protected guest wants it: served by userspace, or freed
// lazily and wanted back. A kernel without the series fails KVM_RUN for both.
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>

#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/board/suite/support/donation.h"
#include "tests/board/suite/support/isolated.h"

namespace redoubt::suite {
namespace {

constexpr uint64_t kWord = 0x6c61'7465'2021;

// The userspace that provides the missing pages of some memory, all of which become missing.
class PageServer {
 public:
  explicit PageServer(const FolioMemory& memory)
      : fd_(static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC))) {
    uffdio_api api{};
    api.api = UFFD_API;
    if (!fd_.valid() || ::ioctl(fd_.get(), UFFDIO_API, &api) != 0) {
      throw Unavailable("this host has no userfaultfd, or not for this user");
    }
    uffdio_register range{};
    // SAFETY: the kernel is told which addresses are meant; the memory outlives this object.
    range.range = {reinterpret_cast<uintptr_t>(memory.data()), memory.size()};
    range.mode = UFFDIO_REGISTER_MODE_MISSING;
    if (::madvise(memory.data(), memory.size(), MADV_DONTNEED) != 0 ||
        ::ioctl(fd_.get(), UFFDIO_REGISTER, &range) != 0) {
      throw std::system_error(errno, std::generic_category(), "userfaultfd");
    }
  }

  // Waits until a page is missed, and gives it one with `word` at its start.
  void serve_one(uint64_t word) const {
    uffd_msg message{};
    ASSERT_EQ(::read(fd_.get(), &message, sizeof message), ssize_t{sizeof message});
    ASSERT_EQ(message.event, UFFD_EVENT_PAGEFAULT);
    alignas(4096) static std::byte page[4096];
    std::memcpy(page, &word, sizeof word);
    uffdio_copy copy{};
    copy.dst = message.arg.pagefault.address & ~uint64_t{4095};
    // SAFETY: the kernel reads the page during the call.
    copy.src = reinterpret_cast<uintptr_t>(page);
    copy.len = sizeof page;
    ASSERT_EQ(::ioctl(fd_.get(), UFFDIO_COPY, &copy), 0);
  }

 private:
  UniqueFd fd_;
};

CONTRACT_TEST(DonateWait, page_that_userspace_provides) {
  const FolioMemory window = FolioMemory::small_pages(8 * page_size());
  Guest guest;
  back_window(guest, window);
  ASSERT_EQ(guest.command(Command::BootState), answer(0));
  const PageServer server(window);
  if (!explains_faults(guest)) {
    EXPECT_EQ(guest.read(Guest::window_page(2)), run_error(EFAULT));
    return;
  }

  std::thread userspace([&] { server.serve_one(kWord); });
  const Outcome outcome = guest.read(Guest::window_page(2));
  userspace.join();

  EXPECT_EQ(outcome, answer(kWord));
}

CONTRACT_TEST(DonateWait, signal_ends_the_wait_and_the_guest_can_go_on) {
  const FolioMemory window = FolioMemory::small_pages(8 * page_size());
  Guest guest;
  back_window(guest, window);
  ASSERT_EQ(guest.command(Command::BootState), answer(0));
  if (!explains_faults(guest)) throw Unavailable("this kernel does not wait");
  const PageServer server(window);
  struct sigaction action {};
  action.sa_handler = [](int) {};
  ASSERT_EQ(::sigaction(SIGALRM, &action, nullptr), 0);
  // More than once: the first may come before KVM_RUN waits.
  const itimerval often{{0, 50'000}, {0, 50'000}};
  ASSERT_EQ(::setitimer(ITIMER_REAL, &often, nullptr), 0);

  const Outcome outcome = guest.read(Guest::window_page(2));
  const itimerval never{};
  ASSERT_EQ(::setitimer(ITIMER_REAL, &never, nullptr), 0);

  EXPECT_EQ(outcome.error, EINTR);
  EXPECT_EQ(outcome.exit_reason, uint32_t{KVM_EXIT_INTR});
  std::thread userspace([&] { server.serve_one(kWord); });
  EXPECT_EQ(guest.resume(), answer(kWord));
  userspace.join();
}

CONTRACT_TEST(DonateWait, memory_that_was_freed_lazily) {
  const FolioMemory window = FolioMemory::small_pages(8 * page_size());
  window.number_pages();
  Guest guest;
  back_window(guest, window);
  ASSERT_EQ(guest.command(Command::BootState), answer(0));
  ASSERT_EQ(::madvise(window.data(), window.size(), MADV_FREE), 0);
  // The batch that the kernel collects freed pages in is emptied by this.
  ASSERT_EQ(::mlock(window.page(7), page_size()), 0);
  const uint64_t word = kWord;
  std::memcpy(window.page(1), &word, sizeof word);

  const Outcome outcome = guest.read(Guest::window_page(1));

  if (explains_faults(guest)) {
    EXPECT_EQ(outcome, answer(kWord));
  } else {
    EXPECT_EQ(outcome, run_error(EIO));
  }
}

}  // namespace
}  // namespace redoubt::suite
