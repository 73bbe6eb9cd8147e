// SPDX-License-Identifier: Apache-2.0
//
// How the host destroys a page that it has given away. A kernel access to a donated page that does
// not go through a user address (fork's eager copy of pinned memory, the reads of another process's
// memory) takes the page back zeroed, reports success, and leaves the guest with a page on which
// every later touch fails. The other ways to do so are in isolation_matrix_test.cc.
#include <cerrno>
#include <csignal>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/board/suite/support/contract_guest.h"
#include "tests/board/suite/support/donation.h"
#include "tests/board/suite/support/host_access.h"
#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/isolated.h"

namespace redoubt::suite {
namespace {

constexpr uint64_t kSecret = 0x7365'6372'6574'2121;

void expect_poisoned(Guest& guest, const Outcome& outcome) {
  expect_failure(guest, outcome, {.explained = EHWPOISON, .bare = EFAULT}, Guest::kWindow);
}

void fork_and_wait() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
}

CONTRACT_TEST(ContractPoison, fork_spares_pages_kept_out_of_children) {
  const Backing window = Backing::anonymous(page_size());
  window.keep_out_of_children();
  Guest guest;
  guest.back_window(window);
  ASSERT_EQ(guest.write(Guest::kWindow, kSecret), answer(0));

  fork_and_wait();

  EXPECT_EQ(guest.read(Guest::kWindow), answer(kSecret));
  EXPECT_EQ(host_load(window.data()).signal, SIGSEGV);
}

CONTRACT_TEST(ContractPoison, fork_spares_shared_mappings) {
  const Backing window = Backing::memfd(page_size());
  Guest guest;
  guest.back_window(window);
  ASSERT_EQ(guest.write(Guest::kWindow, kSecret), answer(0));

  fork_and_wait();

  EXPECT_EQ(guest.read(Guest::kWindow), answer(kSecret));
}

CONTRACT_TEST(ContractPoison, process_vm_readv_succeeds_with_zeros_and_takes_the_page) {
  const Backing window = Backing::anonymous(page_size());
  Guest guest;
  guest.back_window(window);
  ASSERT_EQ(guest.write(Guest::kWindow, kSecret), answer(0));
  const std::string log = kernel_log();

  uint64_t word = ~uint64_t{0};
  EXPECT_EQ(read_through_kernel(window.data(), &word), ssize_t{sizeof word});

  EXPECT_EQ(word, 0u);
  EXPECT_EQ(kernel_log(), log) << "the kernel has begun to report a forced reclaim";
  EXPECT_TRUE(host_load(window.data()).went_through());
  expect_poisoned(guest, guest.read(Guest::kWindow));
}

CONTRACT_TEST(ContractPoison, poisoned_page_fails_every_touch_for_good) {
  const Backing window = Backing::anonymous(page_size());
  Guest guest;
  guest.back_window(window);
  ASSERT_EQ(guest.write(Guest::kWindow, kSecret), answer(0));
  uint64_t word = 0;
  ASSERT_EQ(read_through_kernel(window.data(), &word), ssize_t{sizeof word});

  expect_poisoned(guest, guest.read(Guest::kWindow));
  for (int again = 0; again < 3; ++again) expect_poisoned(guest, guest.resume());
}

CONTRACT_TEST(ContractPoison, poisoned_page_cannot_be_shared_and_the_rest_of_the_guest_goes_on) {
  const Backing window = Backing::anonymous(2 * page_size());
  Guest guest;
  guest.back_window(window);
  ASSERT_EQ(guest.touch(Guest::kWindow, 2), answer(0));
  uint64_t word = 0;
  ASSERT_EQ(read_through_kernel(window.data(), &word), ssize_t{sizeof word});

  EXPECT_EQ(guest.share(Guest::kWindow), answer(kInvalidParameter));

  EXPECT_EQ(guest.write(Guest::window_page(1), kSecret), answer(0));
  EXPECT_EQ(guest.read(Guest::window_page(1)), answer(kSecret));
}

volatile sig_atomic_t g_bus_code = 0;
const void* volatile g_bus_address = nullptr;

// Costs the host one page until it is booted again: a page marked bad stays out of use.
CONTRACT_TEST(ContractPoison, touch_of_a_page_with_a_memory_error_is_sigbus_and_eintr) {
  const Backing window = Backing::anonymous(page_size());
  window.write_word(0, 1);
  Guest guest;
  guest.back_window(window);
  ASSERT_EQ(guest.command(Command::BootState), answer(0));
  struct sigaction action {};
  action.sa_flags = SA_SIGINFO;
  action.sa_sigaction = [](int, siginfo_t* info, void*) {
    g_bus_code = info->si_code;
    g_bus_address = info->si_addr;
  };
  ASSERT_EQ(::sigaction(SIGBUS, &action, nullptr), 0);
  if (::madvise(window.data(), window.size(), MADV_HWPOISON) != 0) {
    throw Unavailable("this host does not do MADV_HWPOISON (CONFIG_MEMORY_FAILURE, root)");
  }
  g_bus_code = 0;  // the error itself may already have been signalled
  g_bus_address = nullptr;

  const Outcome outcome = guest.read(Guest::kWindow + 0x40);

  EXPECT_EQ(outcome.error, EINTR) << outcome;
  EXPECT_EQ(outcome.exit_reason, unsigned{KVM_EXIT_INTR}) << outcome;
  EXPECT_EQ(g_bus_code, BUS_MCEERR_AR);
  EXPECT_EQ(g_bus_address, window.data());
}

}  // namespace
}  // namespace redoubt::suite
