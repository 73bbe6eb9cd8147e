// SPDX-License-Identifier: Apache-2.0
//
// Guest: a VM that runs contract_guest.S, the guest that does what the test tells it. Each method
// sends one command, runs the vCPU until the command is answered or something else happens, and
// returns what that was. One thread per vCPU; methods for different vCPUs may run at once.
#pragma once

#include <array>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <vector>

#include "tests/board/suite/support/backing.h"
#include "tests/board/suite/support/kvm_vm.h"

namespace redoubt::suite {

// Linux Documentation/virt/kvm/arm/hypercalls.rst and Arm DEN0022.
enum class Hypercall : uint64_t {
  KvmFeatures = 0x8600'0000,
  HypMeminfo = 0xc600'0002,
  MemShare = 0xc600'0003,
  MemUnshare = 0xc600'0004,
  MmioGuard = 0xc600'0007,
  PsciVersion = 0x8400'0000,
  CpuOn = 0xc400'0003,
  SystemOff = 0x8400'0008,
  SystemReset = 0x8400'0009,
};
inline constexpr uint64_t kNotSupported = static_cast<uint64_t>(-1);      // SMCCC and PSCI
inline constexpr uint64_t kInvalidParameter = static_cast<uint64_t>(-3);  // SMCCC

// In the order of the command table of contract_guest.S.
enum class Command : uint64_t {
  BootState,
  Read64,
  Read32,
  Write64,
  Write32,
  LoadPair,
  Touch,
  Hvc,
  Smc,
  InterruptsOn,
  InterruptTake,
  HoldSecret,
  Execute,
  CleanCache,
};

struct GuestException {
  uint64_t esr = 0;
  uint64_t far = 0;

  bool operator==(const GuestException&) const = default;
  [[nodiscard]] unsigned exception_class() const { return esr >> 26 & 0x3f; }
  [[nodiscard]] unsigned fault_status() const { return esr & 0x3f; }
};
inline constexpr unsigned kInstructionAbortSameLevel = 0x21;  // ESR_EL1.EC
inline constexpr unsigned kDataAbortSameLevel = 0x25;
inline constexpr unsigned kSynchronousExternal = 0x10;  // ESR_EL1.ISS.DFSC

// How a command ended.
struct Outcome {
  int error = 0;             // errno of KVM_RUN
  uint32_t exit_reason = 0;  // of kvm_run, but 0 where the guest answered through the door
  bool answered = false;
  uint64_t value = 0;  // the answer
  std::optional<GuestException> exception;

  bool operator==(const Outcome&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Outcome& outcome);

[[nodiscard]] Outcome answer(uint64_t value);
[[nodiscard]] Outcome run_error(int error);  // with exit_reason 0, as the contract has it
[[nodiscard]] Outcome left_with(uint32_t exit_reason);

class Guest {
 public:
  static constexpr uint64_t kRam = 0x4000'0000;     // the guest itself
  static constexpr uint64_t kWindow = 0x4800'0000;  // for the test to back
  static constexpr uint64_t kUnbacked = 0x0e00'0000;
  static constexpr uint32_t kRamSlot = 0;
  static constexpr uint32_t kWindowSlot = 1;
  static constexpr size_t kRamSize = 2 << 20;

  explicit Guest(Protection protection = Protection::Protected, unsigned vcpus = 1,
                 uint64_t boot_x0 = 0);

  [[nodiscard]] Vm& vm() { return vm_; }
  [[nodiscard]] const Backing& ram() const { return ram_; }
  [[nodiscard]] Vcpu& vcpu(unsigned index = 0) { return vm_.vcpu(index); }
  // The pages of its own that the guest has touched once it has answered anything.
  [[nodiscard]] static size_t image_pages();
  // Puts the backing at kWindow; throws. It must outlive the guest.
  void back_window(const Backing& backing);
  [[nodiscard]] static uint64_t window_page(size_t index) { return kWindow + index * page_size(); }

  Outcome read(uint64_t ipa) { return command(Command::Read64, {ipa}); }
  Outcome read32(uint64_t ipa) { return command(Command::Read32, {ipa}); }
  Outcome write(uint64_t ipa, uint64_t value) { return command(Command::Write64, {ipa, value}); }
  Outcome write32(uint64_t ipa, uint32_t value) { return command(Command::Write32, {ipa, value}); }
  // Loads from `pages` pages in a row.
  Outcome touch(uint64_t ipa, size_t pages);
  Outcome hvc(Hypercall function, uint64_t x1 = 0, uint64_t x2 = 0, uint64_t x3 = 0);
  Outcome smc(Hypercall function, uint64_t x1 = 0);
  Outcome share(uint64_t ipa) { return hvc(Hypercall::MemShare, ipa); }
  Outcome unshare(uint64_t ipa) { return hvc(Hypercall::MemUnshare, ipa); }

  Outcome command(Command code, std::array<uint64_t, 4> arguments = {}, unsigned vcpu = 0);
  // Goes on with the command that a KVM_RUN error or another exit has interrupted.
  Outcome resume(unsigned vcpu = 0);

 private:
  struct Door {
    std::array<uint64_t, 5> reads{};  // the command and its arguments
    GuestException exception{};
  };
  // Serves one exit at the door; the outcome once the command has one.
  std::optional<Outcome> serve(Vcpu& vcpu, Door& door);

  Backing ram_;
  Vm vm_;
  std::vector<Door> doors_;
};

}  // namespace redoubt::suite
