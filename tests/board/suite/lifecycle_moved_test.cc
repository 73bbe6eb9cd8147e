// SPDX-License-Identifier: Apache-2.0
//
// A vCPU whose thread is taken from processor to processor. EL2 lets it run on one at a time, and
// with it goes the offset of its virtual counter: KVM has to put it down on the one before it takes
// it up on the next. What notices the change is switched on with the first VM of a host and off
// with the last.
#include <ctime>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/board/suite/support/contract_guest.h"
#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/isolated.h"
#include "vmm/base/setup_error.h"

namespace redoubt::suite {
namespace {

// Whether the device tree is that of QEMU's board.
bool is_emulated() {
  return read_file("/proc/device-tree/compatible").value_or("").starts_with("linux,dummy-virt");
}

// Those that this process may use.
std::vector<unsigned> processors() {
  cpu_set_t allowed;
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) throw_errno("sched_getaffinity");
  std::vector<unsigned> found;
  for (unsigned processor = 0; processor < CPU_SETSIZE; ++processor) {
    if (CPU_ISSET(processor, &allowed)) found.push_back(processor);
  }
  return found;
}

void move_to(unsigned processor) {
  cpu_set_t only;
  CPU_ZERO(&only);
  CPU_SET(processor, &only);
  if (::sched_setaffinity(0, sizeof only, &only) != 0) throw_errno("sched_setaffinity");
}

time_t seconds_by_kernel() {
  timespec time{};
  ::syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &time);
  return time.tv_sec;
}

// A program reads the virtual counter for the time, the kernel the physical one. An offset is the
// age of the host when the VM was made.
void expect_no_offset_of_a_guest(unsigned processor) {
  const time_t before = seconds_by_kernel();
  timespec program{};
  ::clock_gettime(CLOCK_MONOTONIC, &program);
  const time_t after = seconds_by_kernel();
  EXPECT_GE(program.tv_sec, before) << "on processor " << processor;
  EXPECT_LE(program.tv_sec, after) << "on processor " << processor;
}

// Takes the processor from whoever is on it, time and again.
void interrupt(const std::stop_token& stop, unsigned processor) {
  constexpr timespec kWhile{.tv_sec = 0, .tv_nsec = 20'000};
  move_to(processor);
  while (!stop.stop_requested() && !testing::Test::HasFailure()) {
    expect_no_offset_of_a_guest(processor);
    ::nanosleep(&kWhile, nullptr);
  }
}

CONTRACT_TEST(LifecycleMoved, vcpu_goes_on_on_the_next_processor) {
  if (is_emulated()) throw Unavailable("emulated processors lose changes of instructions");
  constexpr int kVms = 600;
  constexpr unsigned kMoves = 6;
  const std::vector<unsigned> all = processors();
  std::vector<std::jthread> others;
  for (const unsigned processor : all) others.emplace_back(interrupt, processor);

  for (int vm = 0; vm < kVms && !testing::Test::HasFailure(); ++vm) {
    SCOPED_TRACE("VM " + std::to_string(vm));
    Guest guest;
    for (unsigned move = 0; move < kMoves; ++move) {
      move_to(all[move % all.size()]);
      ASSERT_EQ(guest.command(Command::BootState), answer(0));
    }
  }
}

}  // namespace
}  // namespace redoubt::suite
