// SPDX-License-Identifier: Apache-2.0
//
// One virtual CPU. Written for the contract in which EL2 keeps a protected vCPU's state to itself:
// PC and x0 of the first vCPU are set before it first runs, and no register is touched afterwards.
// run() and what is like it belong to the one thread that runs the vCPU; before there is one, to
// the thread that makes it. request_exit() may be called from any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>

#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"
#include "vmm/kvm/kvm.h"
#include "vmm/kvm/run_failure.h"
#include "vmm/kvm/statistics.h"
#include "vmm/kvm/vm.h"

struct kvm_run;

namespace redoubt::kvm {

enum class PowerState { On, Off };  // Off: started by the guest with PSCI CPU_ON

// Why KVM_RUN returned.
struct MmioRead {
  uint64_t ipa;
  std::span<std::byte> data;  // to be filled before the next run(); 1 to 8 bytes
};
struct MmioWrite {
  uint64_t ipa;
  std::span<const std::byte> data;
};
struct SystemOff {};
struct SystemReset {};
struct Interrupted {};  // request_exit() or a signal
using Exit = std::variant<MmioRead, MmioWrite, SystemOff, SystemReset, Interrupted, RunFailure>;

class Vcpu {
 public:
  // Creates and initialises vCPU `id`. Every vCPU of a VM must exist before the first one runs.
  Vcpu(const Kvm& kvm, const Vm& vm, uint32_t id, PowerState power);
  Vcpu(Vcpu&& other) noexcept;
  Vcpu(const Vcpu&) = delete;
  Vcpu& operator=(const Vcpu&) = delete;
  Vcpu& operator=(Vcpu&&) = delete;
  ~Vcpu();

  // Before the first run() only.
  void set_entry(uint64_t pc, uint64_t x0);

  [[nodiscard]] Exit run();

  // Makes this vCPU, and with it the VM, known to EL2, as the first run() would otherwise do, and
  // runs nothing of the guest. Returns Interrupted, or why that failed. set_entry() comes before.
  [[nodiscard]] Exit enter_and_leave();

  // Gives the guest what it does not have yet of the memory at [ipa, ipa + size), or of a first
  // part of it; the size of that part. After enter_and_leave(), if the VM has
  // KVM_CAP_PRE_FAULT_MEMORY.
  [[nodiscard]] Result<uint64_t, RunFailure> pre_fault(uint64_t ipa, uint64_t size);

  // Makes the current or the next run() return Interrupted, until the request is cleared. The
  // thread inside KVM_RUN must get a signal as well. What the caller stored before is seen by the
  // vCPU's thread after it has cleared the request.
  void request_exit();
  void clear_exit_request();  // the vCPU's own thread

  // What the kernel has counted of this vCPU so far. Any thread.
  [[nodiscard]] Result<Statistics, std::error_code> statistics() const;

 private:
  [[nodiscard]] Exit decode_exit();

  UniqueFd fd_;
  size_t run_size_;
  kvm_run* run_;  // shared with the kernel
};

}  // namespace redoubt::kvm
