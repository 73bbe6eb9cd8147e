// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/kernel_image.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "vmm/boot/decompress.h"
#include "vmm/boot/foreign_format.h"
#include "vmm/boot/pe_header.h"
#include "vmm/boot/zboot.h"

namespace redoubt::boot {
namespace {

constexpr uint64_t kPageSize = 4096;  // the smallest a kernel can have
// Room for bss and early page tables of a kernel whose header does not tell their size.
constexpr uint64_t kLegacyReserve = uint64_t{16} << 20;

struct FirstBytes {
  explicit FirstBytes(const PayloadFile& file) : size(file.read(0, storage)) {}
  [[nodiscard]] std::span<const std::byte> bytes() const { return std::span(storage).first(size); }

  std::array<std::byte, ForeignFormat::kBytesNeeded> storage = {};
  size_t size;
};

KernelImage accept_image(PayloadFile contents, const ImageHeader& header, std::string format) {
  if (header.endianness == Endianness::Big) {
    contents.refuse("is a big-endian kernel", "Build it without CONFIG_CPU_BIG_ENDIAN.");
  }
  if (header.text_offset % kPageSize != 0) {
    contents.refuse(fmt::format("its header is damaged: text offset {:#x} is not on a page",
                                header.text_offset),
                    "Copy or build it again.");
  }
  if (const auto length = length_by_pe_header(contents); length > contents.size()) {
    contents.refuse(fmt::format("is cut short: {} bytes of at least {}", contents.size(), *length),
                    "Copy or build it again.");
  }
  return {std::move(contents), header, std::move(format)};
}

// `extent` of `file` is packed; what comes out has to be an Image.
KernelImage open_packed(const PayloadFile& file, Extent extent, Compression compression,
                        uint64_t unpacked_limit, std::string format) {
  PayloadFile contents = decompress_to_file(file, extent, compression, unpacked_limit);
  const FirstBytes first(contents);
  if (const auto header = ImageHeader::parse(first.bytes())) {
    return accept_image(std::move(contents), *header, std::move(format));
  }
  std::string what = "is something else";
  if (recognise(first.bytes())) what = "is packed once more";
  if (ZbootHeader::parse(first.bytes())) what = "is an EFI zboot image";
  if (const auto foreign = recognise_foreign(first.bytes())) what = foreign->what;
  file.refuse(
      fmt::format("what is packed in it with {} {}, not an arm64 Image", name(compression), what),
      "Unpack it by hand and name what comes out.");
}

Compression zboot_compression(const PayloadFile& file, const ZbootHeader& header) {
  for (const Compression compression : {Compression::Gzip, Compression::Zstd}) {
    if (header.compression == name(compression)) return compression;
  }
  file.refuse(fmt::format("is an EFI zboot image packed with \"{}\"", header.compression),
              "Build the kernel with CONFIG_KERNEL_GZIP or CONFIG_KERNEL_ZSTD, or use its Image.");
}

KernelImage open_zboot(const PayloadFile& file, const ZbootHeader& header,
                       uint64_t unpacked_limit) {
  // Both are 32 bits wide in the file, so their sum does not wrap.
  if (header.payload_offset < ZbootHeader::kSize || header.payload_size == 0 ||
      header.payload_offset + header.payload_size > file.size()) {
    file.refuse(fmt::format("is an EFI zboot image whose header puts {} bytes of kernel at {:#x}, "
                            "in a file of {} bytes",
                            header.payload_size, header.payload_offset, file.size()),
                "Copy or build it again.");
  }
  const Compression compression = zboot_compression(file, header);
  return open_packed(file, {header.payload_offset, header.payload_size}, compression,
                     unpacked_limit, fmt::format("EFI zboot image, {}", name(compression)));
}

}  // namespace

uint64_t KernelImage::text_offset() const { return header ? header->text_offset : 0; }

uint64_t KernelImage::memory_size() const {
  if (!header) return contents.size();
  if (header->image_size == 0) return contents.size() + kLegacyReserve;
  return std::max(header->image_size, contents.size());
}

KernelImage open_kernel(const std::filesystem::path& path, uint64_t unpacked_limit) {
  PayloadFile file("kernel", path);
  const FirstBytes first(file);
  if (const auto header = ImageHeader::parse(first.bytes())) {
    return accept_image(std::move(file), *header, "arm64 Image");
  }
  if (const auto zboot = ZbootHeader::parse(first.bytes())) {
    return open_zboot(file, *zboot, unpacked_limit);
  }
  if (const auto compression = recognise(first.bytes())) {
    return open_packed(file, {0, file.size()}, *compression, unpacked_limit,
                       fmt::format("arm64 Image, {}", name(*compression)));
  }
  if (const auto foreign = recognise_foreign(first.bytes())) {
    file.refuse(std::string(foreign->what), std::string(foreign->remedy));
  }
  return {std::move(file), std::nullopt, "flat binary"};
}

void check_runs_protected(const KernelImage& kernel) {
  if (!kernel.header || kernel.header->page_size != PageSize::Size16K) return;
  kernel.contents.refuse(
      "is built for pages of 16 KiB, which protected guests do not have",
      "Build it with CONFIG_ARM64_4K_PAGES or CONFIG_ARM64_64K_PAGES, or run it unprotected.");
}

}  // namespace redoubt::boot
