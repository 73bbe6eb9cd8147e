// SPDX-License-Identifier: Apache-2.0
//
// What leaves KVM_RUN and what does not: device accesses, hypercalls, and the two shortcuts (an
// eventfd for an access, an eventfd for an interrupt) that never do.
#include <cerrno>
#include <cstring>

#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "tests/board/suite/support/contract_guest.h"
#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/isolated.h"
#include "vmm/base/event_fd.h"

namespace redoubt::suite {
namespace {

constexpr uint64_t kWord = 0x0123'4567'89ab'cdef;
constexpr uint32_t kInterrupt = 33;  // INTID; SPI 1

// GICv3 distributor registers (Arm IHI 0069, 12.9), those that hold the bits of INTID 33.
constexpr uint64_t kGicdCtlr = Vm::kGicDistributor;
constexpr uint64_t kGicdIgroupr1 = Vm::kGicDistributor + 0x084;
constexpr uint64_t kGicdIsenabler1 = Vm::kGicDistributor + 0x104;
constexpr uint64_t kGicdIcfgr2 = Vm::kGicDistributor + 0xc08;
constexpr uint32_t kCtlrAreAndGroup1 = 1u << 4 | 1u << 1;
constexpr uint32_t kLevelSensitive = 0;
constexpr uint32_t kEdgeTriggered = 2u << 2;

// Lets the guest take kInterrupt; true if every step of it was answered. The distributor is KVM's,
// so no access to it leaves KVM_RUN.
bool interrupts_enabled(Guest& guest, uint32_t trigger) {
  return guest.command(Command::InterruptsOn) == answer(0) &&
         guest.write32(kGicdCtlr, kCtlrAreAndGroup1) == answer(0) &&
         guest.write32(kGicdIgroupr1, ~0u) == answer(0) &&
         guest.write32(kGicdIcfgr2, trigger) == answer(0) &&
         guest.write32(kGicdIsenabler1, 1u << (kInterrupt % 32)) == answer(0);
}

int set_line(Guest& guest, uint32_t level) {
  kvm_irq_level request{};
  request.irq = KVM_ARM_IRQ_TYPE_SPI << KVM_ARM_IRQ_TYPE_SHIFT | kInterrupt;
  request.level = level;
  return ::ioctl(guest.vm().fd().get(), KVM_IRQ_LINE, &request) == 0 ? 0 : errno;
}

CONTRACT_TEST(ContractExits, load_outside_memory_asks_the_vmm_for_the_value) {
  Guest guest;

  EXPECT_EQ(guest.read(Guest::kUnbacked), left_with(KVM_EXIT_MMIO));
  auto& mmio = guest.vcpu().state().mmio;
  EXPECT_EQ(mmio.phys_addr, Guest::kUnbacked);
  EXPECT_EQ(mmio.len, 8u);
  EXPECT_EQ(mmio.is_write, 0);
  std::memcpy(mmio.data, &kWord, sizeof kWord);

  EXPECT_EQ(guest.resume(), answer(kWord));
}

CONTRACT_TEST(ContractExits, narrow_load_outside_memory_has_its_own_width) {
  Guest guest;

  EXPECT_EQ(guest.read32(Guest::kUnbacked + 4), left_with(KVM_EXIT_MMIO));
  auto& mmio = guest.vcpu().state().mmio;
  EXPECT_EQ(mmio.phys_addr, Guest::kUnbacked + 4);
  EXPECT_EQ(mmio.len, 4u);
  std::memcpy(mmio.data, &kWord, sizeof kWord);

  EXPECT_EQ(guest.resume(), answer(kWord & 0xffff'ffff));
}

CONTRACT_TEST(ContractExits, store_outside_memory_hands_the_vmm_the_value) {
  Guest guest;

  EXPECT_EQ(guest.write(Guest::kUnbacked, kWord), left_with(KVM_EXIT_MMIO));
  const auto& mmio = guest.vcpu().state().mmio;
  EXPECT_EQ(mmio.phys_addr, Guest::kUnbacked);
  EXPECT_EQ(mmio.len, 8u);
  EXPECT_EQ(mmio.is_write, 1);
  EXPECT_EQ(std::memcmp(mmio.data, &kWord, sizeof kWord), 0);

  EXPECT_EQ(guest.resume(), answer(0));
}

CONTRACT_TEST(ContractExits, load_of_a_pair_outside_memory_aborts_in_the_guest) {
  Guest guest;

  const Outcome outcome = guest.command(Command::LoadPair, {Guest::kUnbacked});

  ASSERT_TRUE(outcome.exception.has_value()) << outcome;
  EXPECT_EQ(outcome.exception->exception_class(), kDataAbortSameLevel) << outcome;
  EXPECT_EQ(outcome.exception->fault_status(), kSynchronousExternal) << outcome;
  EXPECT_EQ(outcome.exception->far, Guest::kUnbacked);
  EXPECT_EQ(guest.command(Command::BootState), answer(0)) << "the guest goes on";
}

CONTRACT_TEST(ContractExits, share_of_an_address_without_memory_aborts_in_the_guest) {
  Guest guest;

  const Outcome outcome = guest.share(Guest::kUnbacked);

  ASSERT_TRUE(outcome.exception.has_value()) << outcome;
  EXPECT_EQ(outcome.exception->exception_class(), kDataAbortSameLevel) << outcome;
  EXPECT_EQ(outcome.exception->fault_status(), kSynchronousExternal) << outcome;
}

CONTRACT_TEST(ContractExits, hypervisor_offers_meminfo_share_and_unshare) {
  Guest guest;

  EXPECT_EQ(guest.hvc(Hypercall::KvmFeatures), answer(1u << 0 | 1u << 2 | 1u << 3 | 1u << 4));
  EXPECT_EQ(guest.hvc(Hypercall::HypMeminfo), answer(page_size()));
}

CONTRACT_TEST(ContractExits, unprotected_guest_is_offered_no_sharing) {
  const Backing window = Backing::anonymous(page_size());
  Guest guest(Protection::Unprotected);
  guest.back_window(window);

  EXPECT_EQ(guest.hvc(Hypercall::HypMeminfo), answer(kNotSupported));
  EXPECT_EQ(guest.share(Guest::kWindow), answer(kNotSupported));
}

CONTRACT_TEST(ContractExits, sharing_is_reached_by_hvc_only) {
  const Backing window = Backing::anonymous(page_size());
  Guest guest;
  guest.back_window(window);

  EXPECT_EQ(guest.smc(Hypercall::MemShare, Guest::kWindow), answer(kNotSupported));
}

CONTRACT_TEST(ContractExits, there_is_no_mmio_guard) {
  Guest guest;

  EXPECT_EQ(guest.hvc(Hypercall::MmioGuard, Guest::kUnbacked), answer(kNotSupported));
}

CONTRACT_TEST(ContractExits, psci_is_at_least_1_0) {
  Guest guest;

  const Outcome version = guest.hvc(Hypercall::PsciVersion);

  EXPECT_TRUE(version.answered) << version;
  EXPECT_GE(version.value, 0x1'0000u);
  EXPECT_EQ(guest.smc(Hypercall::PsciVersion), version);
}

CONTRACT_TEST(ContractExits, ioeventfd_takes_a_store_without_an_exit) {
  Guest guest;
  EventFd doorbell;
  kvm_ioeventfd request{};
  request.addr = Guest::kUnbacked;
  request.len = 4;
  request.fd = doorbell.fd().get();
  ASSERT_EQ(::ioctl(guest.vm().fd().get(), KVM_IOEVENTFD, &request), 0);

  EXPECT_EQ(guest.write32(Guest::kUnbacked, 7), answer(0));

  EXPECT_TRUE(doorbell.drain());
  EXPECT_EQ(guest.write32(Guest::kUnbacked + 4, 7), left_with(KVM_EXIT_MMIO));
  EXPECT_FALSE(doorbell.drain());
}

CONTRACT_TEST(ContractExits, irqfd_raises_an_interrupt) {
  Guest guest;
  EventFd line;
  kvm_irqfd request{};
  request.fd = static_cast<uint32_t>(line.fd().get());
  request.gsi = kInterrupt - 32;
  ASSERT_EQ(::ioctl(guest.vm().fd().get(), KVM_IRQFD, &request), 0);
  ASSERT_TRUE(interrupts_enabled(guest, kEdgeTriggered));

  line.signal();

  EXPECT_EQ(guest.command(Command::InterruptTake), answer(kInterrupt));
}

CONTRACT_TEST(ContractExits, irq_line_raises_and_lowers_a_level_interrupt) {
  Guest guest;
  ASSERT_TRUE(interrupts_enabled(guest, kLevelSensitive));

  EXPECT_EQ(set_line(guest, 1), 0);
  EXPECT_EQ(guest.command(Command::InterruptTake), answer(kInterrupt));
  EXPECT_EQ(guest.command(Command::InterruptTake), answer(kInterrupt)) << "still asserted";
  EXPECT_EQ(set_line(guest, 0), 0);
}

}  // namespace
}  // namespace redoubt::suite
