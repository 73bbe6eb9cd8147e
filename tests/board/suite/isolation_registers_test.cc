// SPDX-License-Identifier: Apache-2.0
//
// Registers are not isolated by Linux 7.2: the host sees, and may change, what a protected guest
// has in them. This records it, for nobody to rely on more; the day that it fails is a good one.
#include <array>
#include <cstddef>
#include <iostream>

#include "tests/board/suite/support/contract_guest.h"
#include "tests/board/suite/support/isolated.h"

namespace redoubt::suite {
namespace {

constexpr const char* kHidden = "the kernel has begun to hide registers of protected guests";

uint64_t general_register(Guest& guest, size_t number) {
  uint64_t value = 0;
  const uint64_t id = core_register(offsetof(kvm_regs, regs.regs[0]) + number * sizeof value);
  EXPECT_EQ(guest.vcpu().get_one_reg(id, &value), 0);
  return value;
}

// What the guest has in x23 to x26 came about in it; the host knows their exclusive or by the
// answer.
CONTRACT_TEST(IsolationRegisters, general_ones_are_shown_to_the_host) {
  Guest guest;
  const Outcome outcome = guest.command(Command::HoldSecret);
  ASSERT_TRUE(outcome.answered) << outcome;
  ASSERT_NE(outcome.value, 0u);

  uint64_t seen = 0;
  for (size_t number = 23; number <= 26; ++number) seen ^= general_register(guest, number);

  EXPECT_EQ(seen, outcome.value) << kHidden;
}

CONTRACT_TEST(IsolationRegisters, vector_ones_are_shown_to_the_host) {
  Guest guest;
  ASSERT_TRUE(guest.command(Command::HoldSecret).answered);

  std::array<uint64_t, 2> seen{};
  const uint64_t id = KVM_REG_ARM64 | KVM_REG_SIZE_U128 | KVM_REG_ARM_CORE |
                      offsetof(kvm_regs, fp_regs.vregs[8]) / sizeof(uint32_t);
  ASSERT_EQ(guest.vcpu().get_one_reg(id, &seen), 0);

  EXPECT_EQ(seen[0], general_register(guest, 23)) << kHidden;
  EXPECT_EQ(seen[1], general_register(guest, 24)) << kHidden;
}

CONTRACT_TEST(IsolationRegisters, general_ones_are_the_hosts_to_change) {
  Guest guest;
  ASSERT_TRUE(guest.command(Command::HoldSecret).answered);
  constexpr uint64_t kMade = 0x6d61'6465'2075'7021;

  guest.vcpu().set_one_reg(core_register(offsetof(kvm_regs, regs.regs[23])), kMade);
  ASSERT_TRUE(guest.command(Command::BootState).answered);

  EXPECT_EQ(general_register(guest, 23), kMade) << kHidden;
}

// The program counter and the base of the translation tables: where the guest is and what it maps.
CONTRACT_TEST(IsolationRegisters, system_ones_are_shown_to_the_host) {
  Guest guest;
  ASSERT_TRUE(guest.command(Command::BootState).answered);
  uint64_t counter = 0;
  uint64_t tables = 0;

  ASSERT_EQ(guest.vcpu().get_one_reg(core_register(offsetof(kvm_regs, regs.pc)), &counter), 0);
  ASSERT_EQ(guest.vcpu().get_one_reg(ARM64_SYS_REG(3, 0, 2, 0, 0), &tables), 0);

  EXPECT_LT(counter - Guest::kRam, Guest::kRamSize) << kHidden;
  EXPECT_LT(tables - Guest::kRam, Guest::kRamSize) << kHidden;
}

CONTRACT_TEST(IsolationRegisters, all_that_kvm_lists_can_be_read) {
  Guest guest;
  ASSERT_TRUE(guest.command(Command::HoldSecret).answered);

  size_t shown = 0;
  const std::vector<uint64_t> all = guest.vcpu().register_list();
  for (const uint64_t id : all) {
    std::array<std::byte, 256> value;  // the largest is that of a vector of SVE
    if (guest.vcpu().get_one_reg(id, &value) == 0) ++shown;
  }

  std::cout << shown << " of the " << all.size()
            << " registers that KVM lists are shown to the host" << std::endl;
  EXPECT_EQ(shown, all.size()) << kHidden;
}

}  // namespace
}  // namespace redoubt::suite
