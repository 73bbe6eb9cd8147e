// SPDX-License-Identifier: Apache-2.0
#include "vmm/kvm/vm.h"

#include <algorithm>
#include <cerrno>
#include <string>

#include "vmm/kvm/requests.h"

namespace redoubt::kvm {

namespace {

UniqueFd create_vm(const Kvm& kvm, Protection protection, uint32_t ipa_bits) {
  // KVM_VM_TYPE_ARM_PROTECTED is bit 31 of an unsigned long: an int would sign-extend.
  unsigned long type = KVM_VM_TYPE_ARM_IPA_SIZE(std::min(ipa_bits, kvm.max_ipa_bits()));
  if (protection == Protection::Protected) type |= KVM_VM_TYPE_ARM_PROTECTED;
  UniqueFd fd(request::create_vm.attempt(kvm.fd(), type));
  if (fd.valid()) return fd;
  if (errno == EINVAL && protection == Protection::Protected) {
    throw SetupError(
        "this host cannot create a protected VM: KVM is not in protected mode",
        ExitStatus::HostUnfit,
        "boot Linux 7.2 or newer at EL2 with kvm-arm.mode=protected on its command line, "
        "or set protected: false; redoubt doctor tells more");
  }
  if (errno == ENOMEM) {
    throw SetupError(
        "KVM_CREATE_VM: out of memory, or the host has its 255 virtual machines already",
        ExitStatus::SetupFailed, "end other virtual machines first");
  }
  throw_errno("KVM_CREATE_VM");
}

}  // namespace

Vm::Vm(const Kvm& kvm, Protection protection, uint32_t ipa_bits)
    : fd_(create_vm(kvm, protection, ipa_bits)) {}

int Vm::capability(unsigned long capability) const {
  return request::check_extension(fd_, capability);
}

uint32_t Vm::max_vcpus() const { return static_cast<uint32_t>(capability(KVM_CAP_MAX_VCPUS)); }

void Vm::add_memslot(uint32_t slot, uint64_t ipa, uint64_t size, uint64_t userspace_addr) {
  kvm_userspace_memory_region region{};
  region.slot = slot;
  region.guest_phys_addr = ipa;
  region.memory_size = size;
  region.userspace_addr = userspace_addr;
  request::set_user_memory_region(fd_, region);
}

void Vm::add_irqfd(BorrowedFd event, uint32_t spi) {
  kvm_irqfd irqfd{};
  irqfd.fd = static_cast<uint32_t>(event.get());
  irqfd.gsi = spi;  // the routing that KVM sets up by itself: gsi n is SPI n
  request::irqfd(fd_, irqfd);
}

void Vm::add_ioeventfd(BorrowedFd event, uint64_t ipa, uint32_t value) {
  kvm_ioeventfd ioeventfd{};
  ioeventfd.datamatch = value;
  ioeventfd.addr = ipa;
  ioeventfd.len = sizeof(value);
  ioeventfd.fd = event.get();
  ioeventfd.flags = KVM_IOEVENTFD_FLAG_DATAMATCH;
  request::ioeventfd(fd_, ioeventfd);
}

void Vm::set_spi(uint32_t intid, LineLevel level) noexcept {
  kvm_irq_level line{};
  line.irq = (KVM_ARM_IRQ_TYPE_SPI << KVM_ARM_IRQ_TYPE_SHIFT) | intid;
  line.level = static_cast<uint32_t>(level);
  [[maybe_unused]] const int result = request::irq_line.attempt(fd_, line);
}

Donation donation_to_protected_vms(const Kvm& kvm) {
  // Kernels that give memory in advance give it by the folio. The host's answer is about VMs of any
  // kind, but spares most hosts the making of a VM to ask.
  if (kvm.capability(KVM_CAP_PRE_FAULT_MEMORY) <= 0) return Donation::ByPage;
  const Vm vm(kvm, Protection::Protected, kvm.max_ipa_bits());
  return vm.capability(KVM_CAP_PRE_FAULT_MEMORY) > 0 ? Donation::ByFolio : Donation::ByPage;
}

Result<Statistics, std::error_code> Vm::statistics() const {
  const UniqueFd file(request::get_stats_fd.attempt(fd_));
  if (!file.valid()) return Unexpected(std::error_code(errno, std::system_category()));
  return Statistics::read(file);
}

}  // namespace redoubt::kvm
