// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/foreign_format.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "vmm/boot/little_endian.h"

namespace redoubt::boot {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kUseImage =
    "Use arch/arm64/boot/Image of the kernel build, or Image.gz, Image.zst or vmlinuz.efi.";
constexpr std::string_view kRepack =
    "Unpack it, or pack the Image with gzip or zstd: the two that can be booted.";
constexpr std::string_view kOtherMachine = "Use a kernel built for arm64 (ARCH=arm64).";
constexpr std::string_view kCutShort = "Copy or build it again.";

struct Signature {
  size_t offset;
  std::string_view magic;
  ForeignFormat format;
};

// The first that matches wins: the more telling ones come first.
constexpr auto kSignatures = std::to_array<Signature>({
    {0x00, "\x7f\x45LF"sv, {"is an ELF file, such as vmlinux", kUseImage}},
    {0x202, "HdrS"sv, {"is an x86 Linux kernel (bzImage)", kOtherMachine}},
    {0x24, "\x18\x28\x6f\x01"sv, {"is a 32-bit Arm Linux kernel (zImage)", kOtherMachine}},
    {0x38, "RSC\x05"sv, {"is a RISC-V Linux kernel", kOtherMachine}},
    {0x00,
     "\x27\x05\x19\x56"sv,
     {"is a U-Boot image (uImage)", "Use the Image it was made from; `dumpimage` takes it out."}},
    {0x00,
     "\xd0\x0d\xfe\xed"sv,
     {"is a device tree or a U-Boot FIT image",
      "Use the Image itself: the device tree is made by this program."}},
    {0x00,
     "ANDROID!"sv,
     {"is an Android boot image", "Use the kernel in it; `unpack_bootimg` takes it out."}},
    {0x00, "070701"sv, {"is a cpio archive, such as an initrd", kUseImage}},
    {0x00, "070702"sv, {"is a cpio archive, such as an initrd", kUseImage}},
    {0x00, "QFI\xfb"sv, {"is a disk image (qcow2)", kUseImage}},
    {0x00, "#!"sv, {"is a script", kUseImage}},
    {0x00, "\xfd\x37zXZ\0"sv, {"is packed with xz", kRepack}},
    {0x00, "BZh"sv, {"is packed with bzip2", kRepack}},
    {0x00, "\x02\x21\x4c\x18"sv, {"is packed with lz4", kRepack}},
    {0x00, "\x04\x22\x4d\x18"sv, {"is packed with lz4", kRepack}},
    {0x00, "\x89LZO"sv, {"is packed with lzop", kRepack}},
    {0x00, "\x5d\0\0\x80\0\xff\xff"sv, {"is packed with lzma", kRepack}},
    {0x00, "\x5d\0\0\0\x04\xff\xff"sv, {"is packed with lzma", kRepack}},
    // What follows the arm64 Image magic was looked for before, so these have lost theirs. The
    // first is the instruction that Linux chose because it reads as "MZ".
    {0x00, "MZ\x40\xfa"sv, {"is a Linux kernel without its header's end", kCutShort}},
    {0x04, "zimg"sv, {"is an EFI zboot image without its header's end", kCutShort}},
});

static_assert(std::ranges::all_of(kSignatures, [](const Signature& signature) {
  return signature.offset + signature.magic.size() <= ForeignFormat::kBytesNeeded;
}));

bool matches(const Signature& signature, std::span<const std::byte> bytes) {
  return bytes.size() >= signature.offset + signature.magic.size() &&
         std::memcmp(bytes.data() + signature.offset, signature.magic.data(),
                     signature.magic.size()) == 0;
}

// "MZ" alone is also a plausible instruction: only with a PE header is it a program.
bool is_pe_program(std::span<const std::byte> bytes) {
  if (bytes.size() < 0x40 || little_endian<uint16_t>(bytes, 0) != 0x5a4d) return false;
  const size_t pe_header = little_endian<uint32_t>(bytes, 0x3c);
  return pe_header + 4 <= bytes.size() && little_endian<uint32_t>(bytes, pe_header) == 0x4550;
}

}  // namespace

std::optional<ForeignFormat> recognise_foreign(std::span<const std::byte> first_bytes) {
  for (const Signature& signature : kSignatures) {
    if (matches(signature, first_bytes)) return signature.format;
  }
  if (is_pe_program(first_bytes)) {
    return ForeignFormat{
        "is an EFI program, and there is no firmware to run it",
        "Use the kernel itself; `objcopy -O binary --only-section=.linux` takes it out of a "
        "unified kernel image."};
  }
  const bool all_zero =
      std::ranges::all_of(first_bytes, [](std::byte byte) { return byte == std::byte{0}; });
  if (all_zero) return ForeignFormat{"begins with nothing but zeros", kCutShort};
  return std::nullopt;
}

}  // namespace redoubt::boot
