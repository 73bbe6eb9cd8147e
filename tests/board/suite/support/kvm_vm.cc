// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/kvm_vm.h"
#include "vmm/base/setup_error.h"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

namespace redoubt::suite {
namespace {

constexpr unsigned kInterrupts = 64;

void set_attribute(BorrowedFd device, uint32_t group, uint64_t attribute, const void* value) {
  kvm_device_attr request{};
  request.group = group;
  request.attr = attribute;
  // SAFETY: KVM takes the address as a number and reads through it during the call only.
  request.addr = reinterpret_cast<uintptr_t>(value);
  if (::ioctl(device.get(), KVM_SET_DEVICE_ATTR, &request) != 0) throw_errno("vGICv3 attribute");
}

UniqueFd create_vm_or_say_why_not(const Kvm& kvm, Protection protection) {
  UniqueFd fd = kvm.create_vm(protection == Protection::Protected ? KVM_VM_TYPE_ARM_PROTECTED : 0);
  if (fd.valid()) return fd;
  if (errno == EINVAL && protection == Protection::Protected) {
    throw Unavailable(
        "no protected VMs on this host: it needs Linux 7.2 booted with kvm-arm.mode=protected");
  }
  throw_errno("KVM_CREATE_VM");
}

}  // namespace

Kvm::Kvm() : fd_(::open("/dev/kvm", O_RDWR | O_CLOEXEC)) {
  if (fd_.valid()) return;
  throw Unavailable("/dev/kvm: " + std::generic_category().message(errno));
}

int Kvm::check_extension(int capability) const {
  return ::ioctl(fd_.get(), KVM_CHECK_EXTENSION, capability);
}

UniqueFd Kvm::create_vm(unsigned long type) const {
  return UniqueFd(::ioctl(fd_.get(), KVM_CREATE_VM, type));
}

void require_protected_vms() { create_vm_or_say_why_not(Kvm(), Protection::Protected); }

bool protected_vms_have(int capability) {
  const UniqueFd vm = create_vm_or_say_why_not(Kvm(), Protection::Protected);
  return ::ioctl(vm.get(), KVM_CHECK_EXTENSION, capability) > 0;
}

Vcpu::Vcpu(BorrowedFd vm, unsigned id, size_t run_size)
    : fd_(::ioctl(vm.get(), KVM_CREATE_VCPU, static_cast<unsigned long>(id))), run_size_(run_size) {
  if (!fd_.valid()) throw_errno("KVM_CREATE_VCPU");
  void* run = ::mmap(nullptr, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
  if (run == MAP_FAILED) throw_errno("mmap of kvm_run");
  run_ = static_cast<kvm_run*>(run);
}

Vcpu::~Vcpu() { ::munmap(run_, run_size_); }

int Vcpu::run() { return ::ioctl(fd_.get(), KVM_RUN, 0) == 0 ? 0 : errno; }

void Vcpu::set_one_reg(uint64_t id, uint64_t value) {
  kvm_one_reg request{};
  request.id = id;
  // SAFETY: KVM takes the address as a number and reads through it during the call only.
  request.addr = reinterpret_cast<uintptr_t>(&value);
  if (::ioctl(fd_.get(), KVM_SET_ONE_REG, &request) != 0) throw_errno("KVM_SET_ONE_REG");
}

int Vcpu::get_one_reg(uint64_t id, void* value) const {
  kvm_one_reg request{};
  request.id = id;
  // SAFETY: KVM takes the address as a number and writes there during the call only.
  request.addr = reinterpret_cast<uintptr_t>(value);
  return ::ioctl(fd_.get(), KVM_GET_ONE_REG, &request) == 0 ? 0 : errno;
}

std::vector<uint64_t> Vcpu::register_list() const {
  // A list: how many there is room for, in return how many there are; then these.
  std::vector<uint64_t> list(1);
  if (::ioctl(fd_.get(), KVM_GET_REG_LIST, list.data()) == 0 || errno != E2BIG) {
    throw_errno("KVM_GET_REG_LIST");
  }
  list.resize(1 + list[0]);
  if (::ioctl(fd_.get(), KVM_GET_REG_LIST, list.data()) != 0) throw_errno("KVM_GET_REG_LIST");
  list.erase(list.begin());
  return list;
}

Vm::Vm(Protection protection, unsigned vcpus) : fd_(create_vm_or_say_why_not(kvm_, protection)) {
  const int run_size = ::ioctl(kvm_.fd().get(), KVM_GET_VCPU_MMAP_SIZE, 0);
  for (unsigned id = 0; id < vcpus; ++id) {
    vcpus_.push_back(std::make_unique<Vcpu>(fd_, id, static_cast<size_t>(run_size)));
  }
  for (unsigned id = 0; id < vcpus; ++id) {
    const unsigned power = id == 0 ? 0 : 1u << KVM_ARM_VCPU_POWER_OFF;
    init_vcpu(*vcpus_[id], 1u << KVM_ARM_VCPU_PSCI_0_2 | power);
  }
  add_interrupt_controller();
}

void Vm::init_vcpu(Vcpu& vcpu, unsigned features) {
  kvm_vcpu_init init{};
  if (::ioctl(fd_.get(), KVM_ARM_PREFERRED_TARGET, &init) != 0) throw_errno("preferred target");
  init.features[0] = features;
  if (::ioctl(vcpu.fd().get(), KVM_ARM_VCPU_INIT, &init) != 0) throw_errno("KVM_ARM_VCPU_INIT");
}

void Vm::add_interrupt_controller() {
  kvm_create_device request{};
  request.type = KVM_DEV_TYPE_ARM_VGIC_V3;
  if (::ioctl(fd_.get(), KVM_CREATE_DEVICE, &request) != 0) throw_errno("KVM_CREATE_DEVICE");
  const UniqueFd gic(static_cast<int>(request.fd));
  const uint32_t interrupts = kInterrupts;
  const uint64_t distributor = kGicDistributor;
  const uint64_t redistributors = kGicRedistributors;
  set_attribute(gic, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &interrupts);
  set_attribute(gic, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, &distributor);
  set_attribute(gic, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, &redistributors);
  set_attribute(gic, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, nullptr);
}

int Vm::check_extension(int capability) const {
  return ::ioctl(fd_.get(), KVM_CHECK_EXTENSION, capability);
}

int Vm::set_memory(uint32_t slot, uint64_t ipa, const Backing& backing, uint32_t flags) {
  kvm_userspace_memory_region region{};
  region.slot = slot;
  region.flags = flags;
  region.guest_phys_addr = ipa;
  region.memory_size = backing.size();
  // SAFETY: KVM keeps the address as a number; the test keeps the backing alive as long as the VM.
  region.userspace_addr = reinterpret_cast<uintptr_t>(backing.data());
  return ::ioctl(fd_.get(), KVM_SET_USER_MEMORY_REGION, &region) == 0 ? 0 : errno;
}

int Vm::delete_memory(uint32_t slot, uint64_t ipa) {
  kvm_userspace_memory_region region{};
  region.slot = slot;
  region.guest_phys_addr = ipa;
  return ::ioctl(fd_.get(), KVM_SET_USER_MEMORY_REGION, &region) == 0 ? 0 : errno;
}

}  // namespace redoubt::suite
