// SPDX-License-Identifier: Apache-2.0
//
// The access matrix: every way in which a host can get at a page of a protected guest, against
// every state that the page can be in. Each cell is a test of its own, in a process of its own.
#include <cerrno>
#include <csignal>
#include <iterator>
#include <string>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/board/suite/isolation_operations.h"
#include "tests/board/suite/support/contract_guest.h"
#include "tests/board/suite/support/donation.h"
#include "tests/board/suite/support/grid.h"
#include "tests/board/suite/support/isolated.h"

namespace redoubt::suite {
namespace {

// What is right for a cell. After all of them but Gone the guest reads on: its own word, or the one
// that the host has put there where it could.
enum class Cell {
  Open,    // The host sees what is in the page, or changes it: the page is its own or shared.
  Segv,    // The instruction meets SIGSEGV, SEGV_ACCERR, at its very address.
  Efault,  // The call fails with EFAULT, and has moved nothing.
  Zeros,   // The host sees zeros.
  Unseen,  // The host does with the page what it does with any, and sees nothing of it.
  Gone,    // HARM: the host sees zeros at best, and by looking has destroyed the page. The guest's
           // next touch ends it: KVM_RUN fails, and redoubt exits with 70, guest-memory-poisoned.
  Leak,    // HARM: the host sees what the guest keeps to itself, or changes it.
};

// Whether the row is about the series of kernel-patches/.
enum class Kernel { Any, Stock, Series };
enum class Memory { Anonymous, Inherited, Executable, Memfd };

struct Row {
  const char* operation;
  Sight (*operate)(const Page& page);
  Cell is_private;
  Cell shared;
  Cell unshared_again;
  Cell never_touched;
  Memory memory = Memory::Anonymous;
  bool changes = false;  // it puts kOther where kWord was
  Kernel kernel = Kernel::Any;
};

using enum Cell;
using enum Memory;
using enum Kernel;
constexpr bool kChanges = true;

// clang-format off
#define OF(operation) #operation, operation
constexpr Row kMatrix[] = {
    // operation                        private shared  unshared never
    //                                                  again    touched

    // Instructions of whoever maps the page. The guest is not harmed.
    {OF(user_load),                     Segv,   Open,   Segv,   Open},
    {OF(user_store),                    Segv,   Open,   Segv,   Open,   Anonymous, kChanges},
    {OF(user_execute),                  Segv,   Open,   Segv,   Open,   Executable},

    // Calls whose copy from or to a user address fails like any other. The guest is not harmed.
    {OF(write_to_file),                 Efault, Open,   Efault, Open},
    {OF(read_from_file),                Efault, Open,   Efault, Open,   Anonymous, kChanges},
    {OF(writev_to_file),                Efault, Open,   Efault, Open},
    {OF(readv_from_file),               Efault, Open,   Efault, Open,   Anonymous, kChanges},
    {OF(write_to_pipe),                 Efault, Open,   Efault, Open},
    {OF(read_from_pipe),                Efault, Open,   Efault, Open,   Anonymous, kChanges},
    {OF(send_to_socket),                Efault, Open,   Efault, Open},
    {OF(receive_from_socket),           Efault, Open,   Efault, Open,   Anonymous, kChanges},
    {OF(write_by_io_uring),             Efault, Open,   Efault, Open},

    // Calls that hold the page and copy by the kernel's own mapping of it. HARM: the host has the
    // page back, zeroed; whoever may make these calls ends the guest, and no log tells of it.
    {OF(write_by_io_uring_buffer),      Gone,   Open,   Gone,   Open},
    {OF(read_by_io_uring_buffer),       Gone,   Open,   Gone,   Open,   Anonymous, kChanges},
    {OF(send_without_copy),             Gone,   Open,   Gone,   Open},
    {OF(vmsplice_to_pipe),              Gone,   Open,   Gone,   Open},
    {OF(direct_write_to_copying_disk),  Gone,   Open,   Gone,   Open},
    {OF(direct_read_from_copying_disk), Gone,   Open,   Gone,   Open,   Anonymous, kChanges},
    {OF(read_of_memfd),                 Gone,   Open,   Gone,   Open,   Memfd},
    {OF(write_to_memfd),                Gone,   Open,   Gone,   Open,   Memfd, kChanges},
    {OF(sendfile_of_memfd),             Gone,   Open,   Gone,   Open,   Memfd},

    // O_DIRECT with a device that does the copying. HARM: nothing stops it. The secret is on the
    // disk, or the guest has what was on the disk; neither side is told. Devices are not isolated
    // by Linux 7.2: who may have the VMM do direct I/O on guest memory has the guest's memory.
    {OF(direct_write_to_dma_disk),      Leak,   Open,   Leak,   Open},
    {OF(direct_read_from_dma_disk),     Leak,   Open,   Leak,   Open,   Anonymous, kChanges},

    // Other processes that may look into this one. HARM as above: a debugger ends the guest.
    {OF(read_by_process_vm),            Gone,   Open,   Gone,   Open},
    {OF(write_by_process_vm),           Gone,   Open,   Gone,   Open,   Anonymous, kChanges},
    {OF(peek_by_ptrace),                Gone,   Open,   Gone,   Open},
    {OF(poke_by_ptrace),                Gone,   Open,   Gone,   Open,   Anonymous, kChanges},
    {OF(read_of_proc_mem),              Gone,   Open,   Gone,   Open},
    {OF(write_to_proc_mem),             Gone,   Open,   Gone,   Open,   Anonymous, kChanges},
    // Copies that allow for a fault: zeros, and the guest is not harmed.
    {OF(read_of_kcore),                 Zeros,  Open,   Zeros,  Open},

    // What the kernel does with memory of its own accord. HARM where it reads contents: a fork of
    // the VMM, a core dump and KSM end the guest, each unless the VMM has its memory left out.
    {OF(fork_copies),                   Gone,   Open,   Gone,   Open,   Inherited},
    {OF(core_dump),                     Gone,   Open,   Gone,   Open,   Memfd},
    {OF(ksm_scans),
                                        Gone,   Unseen, Gone,   Unseen, Anonymous, {}, Stock},
    {"ksm_of_the_series_scans", ksm_scans,
                                        Unseen, Unseen, Unseen, Unseen, Anonymous, {}, Series},
    {OF(swap_out),                      Unseen, Unseen, Unseen, Unseen},
    {OF(compaction),                    Unseen, Unseen, Unseen, Unseen},
    {OF(move_to_another_node),          Unseen, Unseen, Unseen, Unseen},
    {OF(numa_balancing),                Unseen, Unseen, Unseen, Unseen},
};
#undef OF
// clang-format on

// The page holds kWord in each state: the guest's, or the host's where no guest has been.
struct State {
  const char* name;
  Cell Row::*expected;
  void (*bring_about)(Guest& guest, const Backing& page);
};

void make_private(Guest& guest, const Backing& /*page*/) {
  ASSERT_EQ(guest.write(Guest::kWindow, kWord), answer(0));
}
void make_shared(Guest& guest, const Backing& page) {
  make_private(guest, page);
  ASSERT_EQ(guest.share(Guest::kWindow), answer(0));
}
void make_unshared_again(Guest& guest, const Backing& page) {
  make_shared(guest, page);
  ASSERT_EQ(guest.unshare(Guest::kWindow), answer(0));
}
void leave_untouched(Guest& guest, const Backing& page) {
  ASSERT_EQ(guest.command(Command::BootState), answer(0));
  page.write_word(0, kWord);
}

constexpr State kStates[] = {
    {"private", &Row::is_private, make_private},
    {"shared", &Row::shared, make_shared},
    {"unshared_again", &Row::unshared_again, make_unshared_again},
    {"never_touched", &Row::never_touched, leave_untouched},
};

Backing backing(Memory memory, BorrowedFd memfd) {
  switch (memory) {
    case Inherited: return Backing::anonymous(page_size());
    case Executable: return Backing::anonymous_executable(page_size());
    case Memfd: return Backing::of_memfd(memfd, page_size());
    default: break;
  }
  Backing page = Backing::anonymous(page_size());
  page.keep_out_of_children();
  return page;
}

void expect_sight(const Row& row, Cell cell, const Sight& sight, const std::byte* address) {
  if (cell == Segv) {
    EXPECT_EQ(sight.access.signal, SIGSEGV) << sight.access;
    EXPECT_EQ(sight.access.code, SEGV_ACCERR) << sight.access;
    EXPECT_EQ(sight.access.address, address) << sight.access;
    return;
  }
  EXPECT_TRUE(sight.access.went_through()) << sight.access;
  EXPECT_EQ(sight.error, cell == Efault ? EFAULT : 0);
  const bool looks = !row.changes && cell != Efault && cell != Unseen;
  const bool zeros = cell == Zeros || cell == Gone;
  // KSM destroys without telling anybody what it saw.
  if (row.operate == ksm_scans || !looks) {
    EXPECT_FALSE(sight.word);
  } else {
    EXPECT_EQ(sight.word, zeros ? 0 : kWord);
  }
}

void expect_guest(const Row& row, Cell cell, Guest& guest) {
  const Outcome outcome = guest.read(Guest::kWindow);
  if (cell == Gone) {
    expect_failure(guest, outcome, {.explained = EHWPOISON, .bare = EFAULT}, Guest::kWindow);
    return;
  }
  const bool changed = row.changes && (cell == Open || cell == Leak);
  EXPECT_EQ(outcome, answer(changed ? kOther : kWord));
}

void try_cell(const Row& row, const State& state) {
  const UniqueFd memfd(::memfd_create("page", MFD_CLOEXEC));
  ASSERT_EQ(::ftruncate(memfd.get(), static_cast<off_t>(page_size())), 0);
  const Backing page = backing(row.memory, memfd);
  Guest guest;
  guest.back_window(page);
  const Kernel kernel = explains_faults(guest) ? Series : Stock;
  if (row.kernel != Any && row.kernel != kernel) {
    throw Unavailable(kernel == Stock ? "this kernel is without the series" : "it has the series");
  }
  state.bring_about(guest, page);

  const Sight sight = row.operate({::getpid(), page.data(), memfd});

  const Cell cell = row.*state.expected;
  expect_sight(row, cell, sight, page.data());
  expect_guest(row, cell, guest);
}

class IsolationMatrix : public testing::TestWithParam<GridCell> {};

TEST_P(IsolationMatrix, operation_on_state) {
  const auto [row, state] = GetParam();
  run_isolated([&] { try_cell(kMatrix[row], kStates[state]); });
}

std::string name_of(const testing::TestParamInfo<GridCell>& cell) {
  return grid_name(kMatrix[cell.param.row], kStates[cell.param.state]);
}

INSTANTIATE_TEST_SUITE_P(Isolation, IsolationMatrix,
                         testing::ValuesIn(grid_cells(std::size(kMatrix), std::size(kStates))),
                         name_of);

}  // namespace
}  // namespace redoubt::suite
