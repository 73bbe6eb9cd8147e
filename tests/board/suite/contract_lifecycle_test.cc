// SPDX-License-Identifier: Apache-2.0
//
// From the first run to the end: what the first KVM_RUN freezes, what a guest's own power-off and
// reset come out as, and what the host gets back when the VM is gone.
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/board/suite/support/contract_guest.h"
#include "tests/board/suite/support/host_access.h"
#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/isolated.h"

namespace redoubt::suite {
namespace {

constexpr uint64_t kSecret = 0x7365'6372'6574'2121;
constexpr size_t kMostVms = 255;  // on one host, protected or not

// Affinity of vCPU `index` as KVM assigns it: 16 to a cluster.
uint64_t affinity(unsigned index) { return (index & 0xf) | uint64_t{index >> 4} << 8; }

// VMs that any process of this host has open now.
size_t open_vms() {
  namespace fs = std::filesystem;
  size_t count = 0;
  std::error_code gone;  // a process may end while it is looked at
  for (const auto& process : fs::directory_iterator("/proc")) {
    for (fs::directory_iterator fd(process.path() / "fd", gone), end; !gone && fd != end;
         fd.increment(gone)) {
      if (fs::read_symlink(fd->path(), gone) == "anon_inode:kvm-vm") ++count;
      gone.clear();
    }
    gone.clear();
  }
  return count;
}

CONTRACT_TEST(ContractLifecycle, slot_can_be_deleted_before_the_first_run) {
  const Backing window = Backing::anonymous(page_size());
  Guest guest;
  guest.back_window(window);

  EXPECT_EQ(guest.vm().delete_memory(Guest::kWindowSlot, Guest::kWindow), 0);

  EXPECT_EQ(guest.read(Guest::kWindow), left_with(KVM_EXIT_MMIO)) << "the slot is still there";
}

CONTRACT_TEST(ContractLifecycle, slot_cannot_be_deleted_after_the_first_run) {
  const Backing window = Backing::anonymous(page_size());
  Guest guest;
  guest.back_window(window);
  ASSERT_EQ(guest.command(Command::BootState), answer(0));

  EXPECT_EQ(guest.vm().delete_memory(Guest::kWindowSlot, Guest::kWindow), EPERM);

  EXPECT_EQ(guest.write(Guest::kWindow, kSecret), answer(0));
  EXPECT_EQ(guest.vm().delete_memory(Guest::kWindowSlot, Guest::kWindow), EPERM);
  EXPECT_EQ(guest.read(Guest::kWindow), answer(kSecret));
}

CONTRACT_TEST(ContractLifecycle, slot_cannot_be_moved_after_the_first_run) {
  const Backing window = Backing::anonymous(page_size());
  Guest guest;
  guest.back_window(window);
  ASSERT_EQ(guest.vm().set_memory(Guest::kWindowSlot, Guest::window_page(1), window), 0);
  ASSERT_EQ(guest.command(Command::BootState), answer(0));

  EXPECT_EQ(guest.vm().set_memory(Guest::kWindowSlot, Guest::kWindow, window), EPERM);

  EXPECT_EQ(guest.read(Guest::window_page(1)), answer(0));
}

CONTRACT_TEST(ContractLifecycle, slot_can_be_added_after_the_first_run) {
  const Backing window = Backing::anonymous(page_size());
  Guest guest;
  ASSERT_EQ(guest.command(Command::BootState), answer(0));

  EXPECT_EQ(guest.vm().set_memory(Guest::kWindowSlot, Guest::kWindow, window), 0);

  EXPECT_EQ(guest.write(Guest::kWindow, kSecret), answer(0));
}

CONTRACT_TEST(ContractLifecycle, read_only_and_dirty_logged_slots_are_eperm_from_the_start) {
  const Backing window = Backing::anonymous(page_size());
  Vm vm(Protection::Protected, 1);

  EXPECT_EQ(vm.set_memory(0, Guest::kWindow, window, KVM_MEM_READONLY), EPERM);
  EXPECT_EQ(vm.set_memory(0, Guest::kWindow, window, KVM_MEM_LOG_DIRTY_PAGES), EPERM);
  EXPECT_EQ(vm.set_memory(0, Guest::kWindow, window), 0);
}

CONTRACT_TEST(ContractLifecycle, unprotected_vm_takes_flags_and_deletion_at_any_time) {
  const Backing window = Backing::anonymous(page_size());
  Guest guest(Protection::Unprotected);
  ASSERT_EQ(guest.command(Command::BootState), answer(0));

  EXPECT_EQ(guest.vm().set_memory(Guest::kWindowSlot, Guest::kWindow, window, KVM_MEM_READONLY), 0);
  EXPECT_EQ(guest.vm().delete_memory(Guest::kWindowSlot, Guest::kWindow), 0);
}

CONTRACT_TEST(ContractLifecycle, guest_starts_with_pc_and_x0_alone) {
  Guest guest(Protection::Protected, 1, kSecret);

  EXPECT_EQ(guest.command(Command::BootState, {0}), answer(kSecret));
  EXPECT_EQ(guest.command(Command::BootState, {1}), answer(0)) << "x1 | x2 | x3";
  EXPECT_EQ(guest.command(Command::BootState, {2}), answer(0x3c4)) << "EL1, D A I F set";
}

CONTRACT_TEST(ContractLifecycle, system_off_is_a_shutdown_event) {
  Guest guest;

  EXPECT_EQ(guest.hvc(Hypercall::SystemOff), left_with(KVM_EXIT_SYSTEM_EVENT));

  const kvm_run& state = guest.vcpu().state();
  EXPECT_EQ(state.system_event.type, unsigned{KVM_SYSTEM_EVENT_SHUTDOWN});
  EXPECT_EQ(state.system_event.ndata, 1u);
  EXPECT_EQ(state.system_event.data[0], 0u);
}

CONTRACT_TEST(ContractLifecycle, system_off_by_smc_is_a_shutdown_event_too) {
  Guest guest;

  EXPECT_EQ(guest.smc(Hypercall::SystemOff), left_with(KVM_EXIT_SYSTEM_EVENT));

  EXPECT_EQ(guest.vcpu().state().system_event.type, unsigned{KVM_SYSTEM_EVENT_SHUTDOWN});
}

CONTRACT_TEST(ContractLifecycle, system_reset_is_a_reset_event_and_leaves_memory_private) {
  Guest guest;

  EXPECT_EQ(guest.hvc(Hypercall::SystemReset), left_with(KVM_EXIT_SYSTEM_EVENT));

  EXPECT_EQ(guest.vcpu().state().system_event.type, unsigned{KVM_SYSTEM_EVENT_RESET});
  EXPECT_EQ(host_store(guest.ram().data(), 0).signal, SIGSEGV) << "the image can be written again";
}

CONTRACT_TEST(ContractLifecycle, end_of_the_vm_zeroes_private_pages_and_hands_back_shared_ones) {
  const Backing window = Backing::anonymous(3 * page_size());
  window.write_word(2, kSecret);
  const int64_t pinned_before = pinned_pages();
  auto guest = std::make_unique<Guest>();
  guest->back_window(window);
  ASSERT_EQ(guest->write(Guest::window_page(0), kSecret), answer(0));
  ASSERT_EQ(guest->write(Guest::window_page(1), kSecret), answer(0));
  ASSERT_EQ(guest->share(Guest::window_page(1)), answer(0));
  ASSERT_GT(locked_bytes(), 0u);

  guest.reset();

  EXPECT_EQ(window.read_word(0), 0u) << "private";
  EXPECT_EQ(window.read_word(1), kSecret) << "shared";
  EXPECT_EQ(window.read_word(2), kSecret) << "never touched";
  EXPECT_EQ(locked_bytes(), 0u);
  EXPECT_EQ(pinned_pages(), pinned_before);
}

CONTRACT_TEST(ContractLifecycle, vm_lives_until_its_vcpus_are_closed_too) {
  const Backing window = Backing::anonymous(page_size());
  Guest guest;
  guest.back_window(window);
  ASSERT_EQ(guest.write(Guest::kWindow, kSecret), answer(0));

  ASSERT_EQ(::close(guest.vm().fd().get()), 0);

  EXPECT_EQ(host_load(window.data()).signal, SIGSEGV);
  EXPECT_EQ(guest.read(Guest::kWindow), answer(kSecret));
}

CONTRACT_TEST(ContractLifecycle, killed_process_gives_its_pages_back_zeroed) {
  require_protected_vms();
  const Backing window = Backing::memfd(page_size());
  const int64_t pinned_before = pinned_pages();
  const pid_t child = ::fork();
  if (child == 0) {
    Guest guest;
    guest.back_window(window);
    if (guest.write(Guest::kWindow, kSecret) != answer(0)) ::_exit(1);
    if (host_load(window.data()).signal != SIGSEGV) ::_exit(2);
    ::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status)) << "exit status " << WEXITSTATUS(status);

  EXPECT_TRUE(host_load(window.data()).went_through());
  EXPECT_EQ(window.read_word(0), 0u);
  EXPECT_EQ(pinned_pages(), pinned_before);
}

CONTRACT_TEST(ContractLifecycle, sixty_four_vcpus_come_up) {
  constexpr unsigned kVcpus = 64;
  Guest guest(Protection::Protected, kVcpus);
  ASSERT_EQ(guest.command(Command::BootState), answer(0));

  std::vector<Outcome> outcomes(kVcpus);
  std::vector<std::thread> secondaries;
  for (unsigned index = 1; index < kVcpus; ++index) {
    secondaries.emplace_back(
        [&, index] { outcomes[index] = guest.command(Command::BootState, {0}, index); });
  }
  for (unsigned index = 1; index < kVcpus; ++index) {
    EXPECT_EQ(guest.hvc(Hypercall::CpuOn, affinity(index), Guest::kRam, 1000 + index), answer(0));
  }
  for (std::thread& secondary : secondaries) secondary.join();

  for (unsigned index = 1; index < kVcpus; ++index) {
    EXPECT_EQ(outcomes[index], answer(1000 + index)) << "vCPU " << index;
  }
}

CONTRACT_TEST(ContractLifecycle, vcpu_cannot_be_added_once_the_interrupt_controller_is_up) {
  Vm vm(Protection::Protected, 1);

  EXPECT_EQ(::ioctl(vm.fd().get(), KVM_CREATE_VCPU, 1ul), -1);
  EXPECT_EQ(errno, EBUSY);
}

CONTRACT_TEST(ContractLifecycle, vm_beyond_the_255th_of_the_host_is_enomem) {
  require_protected_vms();
  const Kvm kvm;
  // The end of a VM walks the whole of its address space, whatever there is in it.
  const unsigned long small = KVM_VM_TYPE_ARM_IPA_SIZE(32);
  const size_t others = open_vms();
  std::vector<UniqueFd> vms;
  while (vms.size() <= kMostVms) {
    UniqueFd vm = kvm.create_vm(small | (vms.size() % 2 == 0 ? KVM_VM_TYPE_ARM_PROTECTED : 0));
    if (!vm.valid()) break;
    vms.push_back(std::move(vm));
  }

  EXPECT_EQ(errno, ENOMEM);
  EXPECT_EQ(vms.size() + others, kMostVms);
  vms.pop_back();
  EXPECT_TRUE(kvm.create_vm(small | KVM_VM_TYPE_ARM_PROTECTED).valid());
}

}  // namespace
}  // namespace redoubt::suite
