// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/contract_guest.h"

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <ios>
#include <ostream>
#include <stdexcept>
#include <system_error>

#include <asm/kvm.h>

// contract_guest.S
extern "C" const std::byte contract_guest_begin[];
extern "C" const std::byte contract_guest_end[];

namespace redoubt::suite {
namespace {

// The door: offsets as contract_guest.S gives them.
constexpr uint64_t kDoor = 0x0d00'0000;
constexpr uint64_t kDoorSize = 0x1000;
constexpr uint64_t kDoorAnswer = 0x28;
constexpr uint64_t kDoorEsr = 0x30;
constexpr uint64_t kDoorFar = 0x38;

size_t image_size() { return static_cast<size_t>(contract_guest_end - contract_guest_begin); }

}  // namespace

std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
  const auto flags = out.flags();
  if (outcome.error != 0) {
    out << "KVM_RUN: " << std::strerror(outcome.error) << ", exit_reason " << outcome.exit_reason;
  } else if (outcome.exception) {
    out << std::hex << std::showbase << "exception in the guest, ESR " << outcome.exception->esr
        << " FAR " << outcome.exception->far;
  } else if (outcome.answered) {
    out << std::hex << std::showbase << "answer " << outcome.value;
  } else {
    out << "exit_reason " << outcome.exit_reason;
  }
  out.flags(flags);
  return out;
}

Outcome answer(uint64_t value) { return {0, 0, true, value, std::nullopt}; }
Outcome run_error(int error) { return {error, KVM_EXIT_UNKNOWN, false, 0, std::nullopt}; }
Outcome left_with(uint32_t exit_reason) { return {0, exit_reason, false, 0, std::nullopt}; }

size_t Guest::image_pages() { return (image_size() + page_size() - 1) / page_size(); }

Guest::Guest(Protection protection, unsigned vcpus, uint64_t boot_x0)
    : ram_(Backing::anonymous(kRamSize)), vm_(protection, vcpus), doors_(vcpus) {
  std::memcpy(ram_.data(), contract_guest_begin, image_size());
  ram_.keep_out_of_children();
  if (const int error = vm_.set_memory(kRamSlot, kRam, ram_); error != 0) {
    throw std::system_error(error, std::generic_category(), "memslot of the guest's own memory");
  }
  vcpu().set_one_reg(core_register(offsetof(kvm_regs, regs.pc)), kRam);
  vcpu().set_one_reg(core_register(offsetof(kvm_regs, regs.regs[0])), boot_x0);
}

void Guest::back_window(const Backing& backing) {
  if (const int error = vm_.set_memory(kWindowSlot, kWindow, backing); error != 0) {
    throw std::system_error(error, std::generic_category(), "memslot of the window");
  }
}

Outcome Guest::touch(uint64_t ipa, size_t pages) {
  return command(Command::Touch, {ipa, pages, page_size()});
}

Outcome Guest::hvc(Hypercall function, uint64_t x1, uint64_t x2, uint64_t x3) {
  return command(Command::Hvc, {static_cast<uint64_t>(function), x1, x2, x3});
}

Outcome Guest::smc(Hypercall function, uint64_t x1) {
  return command(Command::Smc, {static_cast<uint64_t>(function), x1});
}

Outcome Guest::command(Command code, std::array<uint64_t, 4> arguments, unsigned vcpu) {
  doors_[vcpu].reads = {static_cast<uint64_t>(code), arguments[0], arguments[1], arguments[2],
                        arguments[3]};
  return resume(vcpu);
}

Outcome Guest::resume(unsigned index) {
  Vcpu& vcpu = vm_.vcpu(index);
  for (;;) {
    const int error = vcpu.run();
    const kvm_run& state = vcpu.state();
    if (error != 0) return {error, state.exit_reason, false, 0, std::nullopt};
    if (state.exit_reason != KVM_EXIT_MMIO) return left_with(state.exit_reason);
    if (state.mmio.phys_addr - kDoor >= kDoorSize) return left_with(KVM_EXIT_MMIO);
    if (const auto outcome = serve(vcpu, doors_[index])) return *outcome;
  }
}

std::optional<Outcome> Guest::serve(Vcpu& vcpu, Door& door) {
  auto& mmio = vcpu.state().mmio;
  const uint64_t offset = mmio.phys_addr - kDoor;
  if (mmio.is_write == 0) {
    std::memcpy(mmio.data, &door.reads.at(offset / sizeof(uint64_t)), sizeof(uint64_t));
    return std::nullopt;
  }
  uint64_t value;
  std::memcpy(&value, mmio.data, sizeof value);
  switch (offset) {
    case kDoorAnswer: return answer(value);
    case kDoorEsr: door.exception.esr = value; return std::nullopt;
    case kDoorFar: door.exception.far = value; return Outcome{0, 0, false, 0, door.exception};
    default: throw std::logic_error("the contract guest wrote where its door has no register");
  }
}

}  // namespace redoubt::suite
