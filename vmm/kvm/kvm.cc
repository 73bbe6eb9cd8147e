// SPDX-License-Identifier: Apache-2.0
#include "vmm/kvm/kvm.h"

#include <cerrno>
#include <cstring>
#include <string>

#include <fcntl.h>

#include "vmm/kvm/requests.h"

namespace redoubt::kvm {

namespace {

constexpr uint32_t kDefaultIpaBits = 40;

UniqueFd open_dev_kvm() {
  UniqueFd fd(::open("/dev/kvm", O_RDWR | O_CLOEXEC));
  if (fd.valid()) return fd;
  const int error = errno;
  std::string remedy;
  if (error == EACCES || error == EPERM) {
    remedy = "add this user to the group of /dev/kvm (usually kvm), or run as root";
  } else {
    remedy =
        "Linux must own EL2 and have CONFIG_KVM; look for 'kvm' in dmesg, or ask redoubt doctor";
  }
  throw SetupError("cannot open /dev/kvm: " + std::string(std::strerror(error)),
                   ExitStatus::HostUnfit, remedy);
}

}  // namespace

Kvm::Kvm() : fd_(open_dev_kvm()) {
  const int version = request::get_api_version(fd_);
  if (version != KVM_API_VERSION) {
    throw SetupError("the KVM API has version " + std::to_string(version) + ", 12 is needed",
                     ExitStatus::HostUnfit);
  }
}

int Kvm::capability(unsigned long capability) const {
  return request::check_extension(fd_, capability);
}

uint32_t Kvm::max_ipa_bits() const {
  const int bits = capability(KVM_CAP_ARM_VM_IPA_SIZE);
  return bits > 0 ? static_cast<uint32_t>(bits) : kDefaultIpaBits;
}

size_t Kvm::vcpu_mmap_size() const { return static_cast<size_t>(request::get_vcpu_mmap_size(fd_)); }

}  // namespace redoubt::kvm
