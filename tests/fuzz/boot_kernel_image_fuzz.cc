// SPDX-License-Identifier: Apache-2.0
//
// libFuzzer: a file from anywhere, opened as a kernel, placed, and searched for a configuration.
// Whatever it holds, it is a kernel or refused with a SetupError.
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include <sys/mman.h>
#include <unistd.h>

#include "vmm/base/setup_error.h"
#include "vmm/boot/kernel_config.h"
#include "vmm/boot/kernel_image.h"
#include "vmm/boot/placement.h"

using namespace redoubt;

namespace {

constexpr uint64_t kRam = uint64_t{32} << 20;

void open_and_place(const std::string& path) {
  const boot::KernelImage kernel = boot::open_kernel(path, kRam);
  const GuestRange ram(GuestAddress(0x4000'0000), kRam);
  const auto placement = boot::place(
      ram, {.text_offset = kernel.text_offset(), .kernel = kernel.memory_size(), .initrd = 1});
  if (placement && !ram.contains(placement->kernel)) std::abort();
  if (kernel.contents.size() > kernel.memory_size()) std::abort();
  const auto config = boot::extract_kernel_config(kernel.contents);
  if (config) static_cast<void>(config->enabled("CONFIG_ARM_PKVM_GUEST"));
  boot::check_runs_protected(kernel);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const UniqueFd fd(::memfd_create("fuzz", MFD_CLOEXEC));
  if (::write(fd.get(), data, size) != static_cast<ssize_t>(size)) std::abort();
  try {
    open_and_place("/proc/self/fd/" + std::to_string(fd.get()));
  } catch (const SetupError& error) {
    if (error.status() != ExitStatus::BadPayload) std::abort();
  }
  return 0;
}
