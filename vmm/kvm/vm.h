// SPDX-License-Identifier: Apache-2.0
//
// One virtual machine, protected or not. Knows guest-physical addresses, not guest memory or
// devices. Everything here throws std::system_error or SetupError but for set_spi() and
// statistics(), which alone are for the time while the guest runs and after.
#pragma once

#include <cstdint>

#include "vmm/base/protection.h"
#include "vmm/base/unique_fd.h"
#include "vmm/kvm/kvm.h"
#include "vmm/kvm/statistics.h"

namespace redoubt::kvm {

enum class LineLevel : uint32_t { Low = 0, High = 1 };

class Vm {
 public:
  // `ipa_bits`: bits of guest-physical address the guest needs. For a protected VM the kernel takes
  // its own limit instead. Throws SetupError(HostUnfit) if the host cannot protect a VM.
  Vm(const Kvm& kvm, Protection protection, uint32_t ipa_bits);

  [[nodiscard]] BorrowedFd fd() const { return fd_; }
  [[nodiscard]] int capability(unsigned long capability) const;
  [[nodiscard]] uint32_t max_vcpus() const;

  // Makes [ipa, ipa + size) guest memory, backed by the caller's mapping at userspace_addr, which
  // must stay as it is while the VM lives. Once a vCPU has run, slots of a protected VM can be
  // neither moved nor deleted, so there is no call for that.
  void add_memslot(uint32_t slot, uint64_t ipa, uint64_t size, uint64_t userspace_addr);

  // From now on every signal of `event` is one edge of shared peripheral interrupt `spi`, counted
  // from 0 as in the device tree. The vGIC must stand.
  void add_irqfd(BorrowedFd event, uint32_t spi);

  // From now on a 32-bit write of `value` to `ipa` signals `event`, and no vCPU leaves the guest
  // for it.
  void add_ioeventfd(BorrowedFd event, uint64_t ipa, uint32_t value);

  // Drives shared peripheral interrupt `intid` (32 and up). Any thread; an error means that the VM
  // is dead, which KVM_RUN reports as well.
  void set_spi(uint32_t intid, LineLevel level) noexcept;

  // What the kernel has counted of this VM so far.
  [[nodiscard]] Result<Statistics, std::error_code> statistics() const;

 private:
  UniqueFd fd_;
};

// How the kernel gives protected guests the memory that they touch: the page, or the whole folio (a
// huge page, for one) that it belongs to.
enum class Donation { ByPage, ByFolio };

[[nodiscard]] Donation donation_to_protected_vms(const Kvm& kvm);

}  // namespace redoubt::kvm
