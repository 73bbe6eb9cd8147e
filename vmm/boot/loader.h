// SPDX-License-Identifier: Apache-2.0
//
// From files to a guest that can be entered:
//
//   const boot::Payload payload = boot::open_payload(kernel_path, initrd_path, ram.size());
//   const boot::Placement placement = boot::place_payload(ram, payload);
//   ... build the device tree: it names placement.initrd ...
//   const boot::EntryState entry = boot::load(memory, payload, placement, device_tree);
//
// Set-up only, one thread, guest memory as it came from the kernel: all zeros, which is what bss
// and the rest of a kernel's image size have to be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>

#include "vmm/boot/kernel_image.h"
#include "vmm/boot/payload_file.h"
#include "vmm/boot/placement.h"
#include "vmm/memory/guest_address.h"
#include "vmm/memory/guest_memory.h"

namespace redoubt::boot {

struct Payload {
  KernelImage kernel;
  std::optional<PayloadFile> initrd;
};

// Of the first vCPU; every other register is as reset left it (booting.rst, section 4).
struct EntryState {
  GuestAddress pc;
  GuestAddress x0;  // the device tree
};

// All of these throw SetupError with ExitStatus::BadPayload.
[[nodiscard]] Payload open_payload(const std::filesystem::path& kernel,
                                   const std::optional<std::filesystem::path>& initrd,
                                   uint64_t ram_size);
[[nodiscard]] Placement place_payload(GuestRange ram, const Payload& payload);
// `placement` is what place_payload() made of this payload.
EntryState load(GuestMemory& memory, const Payload& payload, const Placement& placement,
                std::span<const std::byte> device_tree);

}  // namespace redoubt::boot
