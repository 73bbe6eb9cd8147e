// SPDX-License-Identifier: Apache-2.0
//
// What the guest starts with: a Linux kernel (arm64 Image as it is, in gzip, in zstd, or in an EFI
// zboot image) or a flat binary, which is anything else and is entered at its first byte. Opening
// one looks at its header and unpacks it if need be; an unpacked Image is not read, so that it
// can go from the file straight into guest memory. Set-up only, one thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "vmm/boot/image_header.h"
#include "vmm/boot/payload_file.h"

namespace redoubt::boot {

struct KernelImage {
  PayloadFile contents;               // unpacked: all of it goes to guest memory
  std::optional<ImageHeader> header;  // nullopt: a flat binary
  std::string format;                 // "arm64 Image, gzip", to be shown

  // From a 2 MiB aligned address to the first byte, which is where the guest enters.
  [[nodiscard]] uint64_t text_offset() const;
  // What the kernel occupies from its first byte on, bss included; at least its contents.
  [[nodiscard]] uint64_t memory_size() const;
};

// `unpacked_limit`: the most that a packed kernel may unpack to, in bytes; the guest's memory is a
// sensible one. Throws SetupError with ExitStatus::BadPayload for everything that is no kernel.
[[nodiscard]] KernelImage open_kernel(const std::filesystem::path& path, uint64_t unpacked_limit);

// Throws SetupError (BadPayload) if the kernel says of itself that it cannot run protected: EL2
// hides the 16 KiB granule from protected guests, and such a kernel stops before its first word.
void check_runs_protected(const KernelImage& kernel);

}  // namespace redoubt::boot
