// SPDX-License-Identifier: Apache-2.0
#include "vmm/kvm/vgic.h"

#include <cerrno>

#include "vmm/kvm/requests.h"

namespace redoubt::kvm {

namespace {

UniqueFd create_vgic(const Vm& vm) {
  kvm_create_device device{};
  device.type = KVM_DEV_TYPE_ARM_VGIC_V3;
  try {
    request::create_device(vm.fd(), device);
  } catch (const std::exception&) {
    std::throw_with_nested(
        SetupError("this host cannot emulate a GICv3", ExitStatus::HostUnfit,
                   "protected KVM needs a GICv3 with a system register interface in the host"));
  }
  return UniqueFd(static_cast<int>(device.fd));
}

void set_attribute(BorrowedFd vgic, uint32_t group, uint64_t attribute, const void* value) {
  kvm_device_attr request{};
  request.group = group;
  request.attr = attribute;
  // SAFETY: KVM takes user pointers as numbers.
  request.addr = reinterpret_cast<uint64_t>(value);
  request::set_device_attr(vgic, request);
}

// The value of KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION: count, base, flags and index of a region.
constexpr uint64_t redistributor_region(uint64_t base, uint64_t count) {
  constexpr uint64_t kCountShift = 52;
  return count << kCountShift | base;
}

}  // namespace

Vgic::Vgic(const Vm& vm, uint32_t vcpus, const VgicLayout& layout) : fd_(create_vgic(vm)) {
  set_attribute(fd_, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &layout.intids);
  set_attribute(fd_, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, &layout.distributor);
  const uint64_t region = redistributor_region(layout.redistributors, vcpus);
  set_attribute(fd_, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, &region);
  set_attribute(fd_, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, nullptr);
}

}  // namespace redoubt::kvm
