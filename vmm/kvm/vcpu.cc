// SPDX-License-Identifier: Apache-2.0
#include "vmm/kvm/vcpu.h"

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

#include <sys/mman.h>

#include "vmm/kvm/requests.h"

namespace redoubt::kvm {

namespace {

// Id of a 64-bit core register, from its offset in struct kvm_regs (api.rst, KVM_SET_ONE_REG).
constexpr uint64_t core_register(size_t offset) {
  return KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | (offset / sizeof(__u32));
}
constexpr uint64_t kX0 = core_register(offsetof(kvm_regs, regs) + offsetof(user_pt_regs, regs));
constexpr uint64_t kPc = core_register(offsetof(kvm_regs, regs) + offsetof(user_pt_regs, pc));

void set_feature(kvm_vcpu_init& init, uint32_t feature) {
  init.features[feature / 32] |= 1U << (feature % 32);
}

void set_register(BorrowedFd vcpu, uint64_t id, uint64_t value) {
  kvm_one_reg reg{};
  reg.id = id;
  // SAFETY: KVM takes user pointers as numbers.
  reg.addr = reinterpret_cast<uint64_t>(&value);
  request::set_one_reg(vcpu, reg);
}

}  // namespace

Vcpu::Vcpu(const Kvm& kvm, const Vm& vm, uint32_t id, PowerState power)
    : fd_(request::create_vcpu(vm.fd(), id)), run_size_(kvm.vcpu_mmap_size()) {
  kvm_vcpu_init init{};
  request::preferred_target(vm.fd(), init);
  set_feature(init, KVM_ARM_VCPU_PSCI_0_2);
  if (power == PowerState::Off) set_feature(init, KVM_ARM_VCPU_POWER_OFF);
  // The two kinds of pointer authentication come together or not at all.
  if (vm.capability(KVM_CAP_ARM_PTRAUTH_ADDRESS) > 0 &&
      vm.capability(KVM_CAP_ARM_PTRAUTH_GENERIC) > 0) {
    set_feature(init, KVM_ARM_VCPU_PTRAUTH_ADDRESS);
    set_feature(init, KVM_ARM_VCPU_PTRAUTH_GENERIC);
  }
  request::vcpu_init(fd_, init);

  void* mapping = ::mmap(nullptr, run_size_, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
  if (mapping == MAP_FAILED) throw_errno("mmap of struct kvm_run");
  run_ = static_cast<kvm_run*>(mapping);
}

Vcpu::Vcpu(Vcpu&& other) noexcept
    : fd_(std::move(other.fd_)),
      run_size_(other.run_size_),
      run_(std::exchange(other.run_, nullptr)) {}

Vcpu::~Vcpu() {
  if (run_ != nullptr) ::munmap(run_, run_size_);
}

void Vcpu::set_entry(uint64_t pc, uint64_t x0) {
  set_register(fd_, kPc, pc);
  set_register(fd_, kX0, x0);
}

void Vcpu::request_exit() {
  // Release: pairs with the exchange below.
  std::atomic_ref(run_->immediate_exit).store(1, std::memory_order_release);
}

void Vcpu::clear_exit_request() {
  // Acquire: whoever requested this exit stored its reason first. An exchange, because a request
  // that comes after it must survive.
  std::atomic_ref(run_->immediate_exit).exchange(0, std::memory_order_acq_rel);
}

Exit Vcpu::run() {
  // exit_reason is KVM's: it finishes the last MMIO exit by it, and sets it anew before it enters.
  if (request::run.attempt(fd_) == 0) return decode_exit();
  const int error = errno;
  if (error == EINTR || error == EAGAIN) return Interrupted{};

  RunFailure failure;
  failure.error = error;
  failure.exit_reason = run_->exit_reason;
  // With any other error the exit's reason and payload are those of an earlier one (api.rst, 5).
  const bool about_memory = error == EFAULT || error == EHWPOISON || error == ENOMEM;
  if (about_memory && run_->exit_reason == KVM_EXIT_MEMORY_FAULT) {
    MemoryFault fault{};
    std::memcpy(&fault, &run_->padding, sizeof(fault));
    failure.ipa = fault.gpa;
  }
  return failure;
}

Exit Vcpu::enter_and_leave() {
  request_exit();
  const Exit exit = run();
  clear_exit_request();
  return exit;
}

Result<uint64_t, RunFailure> Vcpu::pre_fault(uint64_t ipa, uint64_t size) {
  PreFaultMemory range{};
  range.gpa = ipa;
  range.size = size;
  if (request::pre_fault_memory.attempt(fd_, range) != 0 && errno != EINTR && errno != EAGAIN) {
    RunFailure failure;
    failure.error = errno;
    failure.ipa = range.gpa;
    return Unexpected(failure);
  }
  return size - range.size;
}

Result<Statistics, std::error_code> Vcpu::statistics() const {
  const UniqueFd file(request::get_stats_fd.attempt(fd_));
  if (!file.valid()) return Unexpected(std::error_code(errno, std::system_category()));
  return Statistics::read(file);
}

Exit Vcpu::decode_exit() {
  switch (run_->exit_reason) {
    case KVM_EXIT_MMIO: {
      auto& mmio = run_->mmio;
      if (mmio.len == 0 || mmio.len > sizeof(mmio.data)) break;
      const auto data = std::as_writable_bytes(std::span(mmio.data, mmio.len));
      if (mmio.is_write != 0) return MmioWrite{mmio.phys_addr, data};
      return MmioRead{mmio.phys_addr, data};
    }
    case KVM_EXIT_SYSTEM_EVENT:
      if (run_->system_event.type == KVM_SYSTEM_EVENT_SHUTDOWN) return SystemOff{};
      if (run_->system_event.type == KVM_SYSTEM_EVENT_RESET) return SystemReset{};
      break;
    case KVM_EXIT_INTR: return Interrupted{};
    default: break;
  }
  RunFailure failure;
  failure.exit_reason = run_->exit_reason;
  if (run_->exit_reason == KVM_EXIT_FAIL_ENTRY) {
    failure.detail = run_->fail_entry.hardware_entry_failure_reason;
  } else if (run_->exit_reason == KVM_EXIT_INTERNAL_ERROR) {
    failure.detail = run_->internal.suberror;
  } else if (run_->exit_reason == KVM_EXIT_SYSTEM_EVENT) {
    failure.detail = run_->system_event.type;
  }
  return failure;
}

}  // namespace redoubt::kvm
