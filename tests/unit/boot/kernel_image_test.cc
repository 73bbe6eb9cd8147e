// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/kernel_image.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/boot/payload_builder.h"
#include "vmm/base/setup_error.h"

namespace redoubt::boot {
namespace {

using namespace std::string_view_literals;
using testing::AllOf;
using testing::HasSubstr;

constexpr uint64_t kRam = uint64_t{32} << 20;

KernelImage open(std::span<const std::byte> contents, uint64_t unpacked_limit = kRam) {
  return open_kernel(MemoryFile(contents).path(), unpacked_limit);
}

// What the user reads: the message and the remedy.
std::string refusal(std::span<const std::byte> contents, uint64_t unpacked_limit = kRam) {
  const MemoryFile file(contents);
  try {
    static_cast<void>(open_kernel(file.path(), unpacked_limit));
  } catch (const SetupError& error) {
    EXPECT_EQ(error.status(), ExitStatus::BadPayload);
    EXPECT_THAT(error.what(), HasSubstr("kernel " + file.path().native()));
    return std::string(error.what()) + ". " + error.remedy();
  }
  return "not refused";
}

Bytes contents_of(const KernelImage& kernel) {
  Bytes bytes(kernel.contents.size());
  EXPECT_EQ(kernel.contents.read(0, bytes), bytes.size());
  return bytes;
}

// --- What boots ------------------------------------------------------------------------------

TEST(KernelImage, image_is_loaded_as_it_is) {
  const Bytes image = make_image({.text_offset = 0x80000, .image_size = 0x30000});

  const KernelImage kernel = open(image);

  EXPECT_EQ(kernel.format, "arm64 Image");
  EXPECT_EQ(kernel.text_offset(), 0x80000u);
  EXPECT_EQ(kernel.memory_size(), 0x30000u);
  EXPECT_EQ(contents_of(kernel), image);
}

TEST(KernelImage, packed_images_are_unpacked) {
  const Bytes image = make_image();

  const KernelImage from_gzip = open(gzip(image));
  const KernelImage from_zstd = open(zstd(image));

  EXPECT_EQ(from_gzip.format, "arm64 Image, gzip");
  EXPECT_EQ(contents_of(from_gzip), image);
  EXPECT_TRUE(from_gzip.header);
  EXPECT_EQ(from_zstd.format, "arm64 Image, zstd");
  EXPECT_EQ(contents_of(from_zstd), image);
}

TEST(KernelImage, zboot_images_are_unpacked) {
  const Bytes image = make_image();

  const KernelImage from_gzip = open(make_zboot(gzip(image), {.compression = "gzip"}));
  const KernelImage from_zstd = open(make_zboot(zstd(image), {.compression = "zstd"}));

  EXPECT_EQ(from_gzip.format, "EFI zboot image, gzip");
  EXPECT_EQ(contents_of(from_gzip), image);
  EXPECT_EQ(from_zstd.format, "EFI zboot image, zstd");
  EXPECT_EQ(contents_of(from_zstd), image);
}

TEST(KernelImage, zboot_payload_may_reach_to_the_last_byte_of_the_file) {
  const Bytes payload = gzip(make_image());
  Bytes zboot = make_zboot(payload);
  zboot.resize(0x1000 + payload.size());

  EXPECT_EQ(contents_of(open(zboot)), make_image());
}

TEST(KernelImage, anything_else_is_a_flat_binary) {
  const Bytes branch_to_itself = bytes_of("\0\0\0\x14"sv);

  const KernelImage kernel = open(branch_to_itself);

  EXPECT_EQ(kernel.format, "flat binary");
  EXPECT_FALSE(kernel.header);
  EXPECT_EQ(kernel.text_offset(), 0u);
  EXPECT_EQ(kernel.memory_size(), 4u);
  EXPECT_EQ(contents_of(kernel), branch_to_itself);
}

// ldr x13, [x18, #176] reads as "MZ" too.
TEST(KernelImage, flat_binary_may_begin_like_a_dos_program) {
  Bytes code(0x2000, std::byte{0x14});
  put(code, 0, "MZ\x40\xf9");

  EXPECT_EQ(open(code).format, "flat binary");
}

TEST(KernelImage, kernel_before_3_17_gets_512_kib_of_offset_and_16_mib_of_room) {
  const KernelImage kernel = open(make_image({.image_size = 0, .file_size = 0x10000}));

  EXPECT_EQ(kernel.text_offset(), 0x80000u);
  EXPECT_EQ(kernel.memory_size(), 0x10000u + (16u << 20));
}

TEST(KernelImage, image_size_below_the_size_of_the_file_is_not_believed) {
  const KernelImage kernel = open(make_image({.image_size = 1, .file_size = 0x10000}));

  EXPECT_EQ(kernel.memory_size(), 0x10000u);
}

TEST(KernelImage, image_of_nothing_but_a_header_is_accepted) {
  EXPECT_EQ(open(make_image({.file_size = 64})).format, "arm64 Image");
}

// --- What does not ---------------------------------------------------------------------------

TEST(KernelImage, big_endian_kernel_is_refused) {
  EXPECT_THAT(refusal(make_image({.flags = 0b1011})), HasSubstr("big-endian"));
}

TEST(KernelImage, text_offset_within_a_page_is_refused) {
  EXPECT_THAT(refusal(make_image({.text_offset = 0x80004})), HasSubstr("text offset 0x80004"));
  EXPECT_THAT(refusal(make_image({.text_offset = ~uint64_t{0}})), HasSubstr("damaged"));
}

// One with an EFI stub: two sections, the second of them up to the end of the file.
Bytes make_image_with_pe_header() {
  Bytes image = make_image({.file_size = 0x10000});
  put_u32(image, 0x3c, 0x40);
  put(image, 0x40, "PE\0\0"sv);
  put(image, 0x46, "\x02\0"sv);       // sections
  put(image, 0x54, "\xa0\0"sv);       // size of the optional header
  put_u32(image, 0xf8 + 16, 0x7000);  // size and offset of the first section
  put_u32(image, 0xf8 + 20, 0x1000);
  put_u32(image, 0x120 + 16, 0x8000);  // and of the second
  put_u32(image, 0x120 + 20, 0x8000);
  return image;
}

TEST(KernelImage, image_with_a_pe_header_is_as_long_as_its_sections_say) {
  const Bytes image = make_image_with_pe_header();

  EXPECT_EQ(open(image).contents.size(), 0x10000u);
  EXPECT_THAT(refusal(std::span(image).first(0xffff)),
              HasSubstr("cut short: 65535 bytes of at least 65536"));
  EXPECT_THAT(refusal(std::span(image).first(0x130)), HasSubstr("cut short"));
  EXPECT_THAT(refusal(gzip(std::span(image).first(0xffff))), HasSubstr("cut short"));
}

TEST(KernelImage, damaged_pe_header_is_passed_over_or_refused) {
  Bytes elsewhere = make_image_with_pe_header();
  put_u32(elsewhere, 0x3c, 0xffffffff);
  Bytes endless = make_image_with_pe_header();
  put(endless, 0x46, "\xff\xff"sv);
  put(endless, 0x54, "\xff\xff"sv);
  Bytes wrapping = make_image_with_pe_header();
  put_u32(wrapping, 0x120 + 16, 0xffffffff);
  put_u32(wrapping, 0x120 + 20, 0xffffffff);

  EXPECT_EQ(open(elsewhere).format, "arm64 Image");
  EXPECT_THAT(refusal(endless), HasSubstr("cut short"));
  EXPECT_THAT(refusal(wrapping), HasSubstr("of at least 8589934590"));
}

TEST(KernelImage, packed_kernel_beyond_the_limit_is_refused) {
  const Bytes image = make_image({.file_size = 0x10000});

  EXPECT_THAT(refusal(gzip(image), 0xffff), HasSubstr("more than 65535 bytes"));
  EXPECT_THAT(refusal(make_zboot(gzip(image)), 0xffff), HasSubstr("more than 65535 bytes"));
  EXPECT_EQ(open(gzip(image), 0x10000).contents.size(), 0x10000u);
}

TEST(KernelImage, packed_something_else_is_refused_with_what_it_is) {
  const Bytes flat(100, std::byte{0x14});

  EXPECT_THAT(refusal(gzip(flat)), HasSubstr("with gzip is something else, not an arm64 Image"));
  EXPECT_THAT(refusal(zstd(bytes_of("\x7f"
                                    "ELF..."))),
              HasSubstr("ELF"));
  EXPECT_THAT(refusal(gzip(zstd(make_image()))), HasSubstr("packed once more"));
  EXPECT_THAT(refusal(gzip(make_zboot(gzip(make_image())))), HasSubstr("EFI zboot"));
  EXPECT_THAT(refusal(make_zboot(gzip(flat))), HasSubstr("not an arm64 Image"));
  EXPECT_THAT(refusal(gzip({})), HasSubstr("unpacks to nothing"));
}

TEST(KernelImage, header_inside_a_packed_image_is_not_trusted_either) {
  EXPECT_THAT(refusal(gzip(make_image({.flags = 0b1011}))), HasSubstr("big-endian"));
  EXPECT_THAT(refusal(make_zboot(zstd(make_image({.text_offset = 1})), {.compression = "zstd"})),
              HasSubstr("text offset 0x1"));
}

struct HostileZboot {
  const char* name;
  uint32_t payload_offset;
  uint32_t payload_size;
};

class KernelImageHostileZboot : public testing::TestWithParam<HostileZboot> {};
INSTANTIATE_TEST_SUITE_P(, KernelImageHostileZboot,
                         testing::Values(HostileZboot{"offset_in_the_header", 0x3f, 0x100},
                                         HostileZboot{"offset_zero", 0, 0x100},
                                         HostileZboot{"offset_at_the_end", 0x11027, 1},
                                         HostileZboot{"offset_beyond_the_end", 0xffffffff, 1},
                                         HostileZboot{"size_beyond_the_end", 0x1000, 0x10028},
                                         HostileZboot{"sum_wraps_at_32_bits", 0x1000, 0xfffff100},
                                         HostileZboot{"both_at_their_most", 0xffffffff,
                                                      0xffffffff}),
                         [](const auto& test) { return test.param.name; });

TEST_P(KernelImageHostileZboot, is_refused) {
  Bytes zboot = make_zboot(Bytes(0x10000));
  zboot.resize(0x11027);
  put_u32(zboot, 0x08, GetParam().payload_offset);
  put_u32(zboot, 0x0c, GetParam().payload_size);

  EXPECT_THAT(refusal(zboot), HasSubstr("whose header puts"));
}

TEST(KernelImage, zboot_without_a_payload_is_refused) {
  EXPECT_THAT(refusal(make_zboot({})), HasSubstr("puts 0 bytes of kernel"));
}

TEST(KernelImage, zboot_with_another_compression_is_refused_by_its_name) {
  const Bytes payload = gzip(make_image());

  EXPECT_THAT(refusal(make_zboot(payload, {.compression = "lz4"})),
              AllOf(HasSubstr("\"lz4\""), HasSubstr("CONFIG_KERNEL_ZSTD")));
  EXPECT_THAT(refusal(make_zboot(payload, {.compression = "xzkern"})), HasSubstr("\"xzkern\""));
  EXPECT_THAT(refusal(make_zboot(payload, {.compression = "gzip2"})), HasSubstr("\"gzip2\""));
  EXPECT_THAT(refusal(make_zboot(payload, {.compression = ""})), HasSubstr("\"\""));
}

TEST(KernelImage, zboot_that_lies_about_its_compression_is_refused) {
  EXPECT_THAT(refusal(make_zboot(gzip(make_image()), {.compression = "zstd"})),
              HasSubstr("damaged"));
}

TEST(KernelImage, missing_kernel_is_refused) {
  EXPECT_THROW(static_cast<void>(open_kernel("/nowhere/Image", kRam)), SetupError);
}

struct Foreign {
  const char* name;
  size_t offset;
  std::string_view magic;
  const char* what;
};

class KernelImageForeign : public testing::TestWithParam<Foreign> {};
INSTANTIATE_TEST_SUITE_P(, KernelImageForeign,
                         testing::Values(Foreign{"elf", 0,
                                                 "\x7f"
                                                 "ELF\x02",
                                                 "vmlinux"},
                                         Foreign{"bzimage", 0x202, "HdrS", "bzImage"},
                                         Foreign{"zimage", 0x24, "\x18\x28\x6f\x01", "zImage"},
                                         Foreign{"riscv", 0x38, "RSC\x05", "RISC-V"},
                                         Foreign{"uimage", 0, "\x27\x05\x19\x56", "uImage"},
                                         Foreign{"fit", 0, "\xd0\x0d\xfe\xed", "FIT"},
                                         Foreign{"android", 0, "ANDROID!", "Android"},
                                         Foreign{"cpio", 0, "070701", "cpio"},
                                         Foreign{"cpio_with_checksums", 0, "070702", "cpio"},
                                         Foreign{"qcow2", 0, "QFI\xfb", "qcow2"},
                                         Foreign{"script", 0, "#!/bin/sh", "script"},
                                         Foreign{"xz", 0,
                                                 "\xfd"
                                                 "7zXZ\0"sv,
                                                 "xz"},
                                         Foreign{"bzip2", 0, "BZh9", "bzip2"},
                                         Foreign{"lz4_legacy", 0, "\x02\x21\x4c\x18", "lz4"},
                                         Foreign{"lz4", 0, "\x04\x22\x4d\x18", "lz4"},
                                         Foreign{"lzop", 0, "\x89LZO", "lzop"},
                                         Foreign{"lzma", 0, "\x5d\0\0\x80\0\xff\xff"sv, "lzma"}),
                         [](const auto& test) { return test.param.name; });

TEST_P(KernelImageForeign, is_refused_with_what_it_is_and_what_to_use) {
  Bytes file(0x1000, std::byte{0x14});
  put(file, GetParam().offset, GetParam().magic);

  const std::string message = refusal(file);

  EXPECT_THAT(message, HasSubstr(GetParam().what));
  EXPECT_THAT(message, testing::EndsWith("."));
}

TEST(KernelImage, efi_program_is_refused) {
  Bytes program(0x1000, std::byte{0x14});
  put(program, 0, "MZ");
  put_u32(program, 0x3c, 0x80);
  put(program, 0x80, "PE\0\0"sv);

  EXPECT_THAT(refusal(program), AllOf(HasSubstr("EFI program"), HasSubstr(".linux")));
}

TEST(KernelImage, headers_cut_short_are_refused) {
  Bytes image = make_image();
  put(image, 0, "MZ\x40\xfa");
  const Bytes zboot = make_zboot(gzip(make_image()));

  EXPECT_THAT(refusal(std::span(image).first(63)), HasSubstr("without its header's end"));
  EXPECT_THAT(refusal(std::span(zboot).first(63)), HasSubstr("without its header's end"));
}

TEST(KernelImage, file_of_zeros_is_refused) {
  EXPECT_THAT(refusal(Bytes(0x1000)), HasSubstr("zeros"));
  EXPECT_THAT(refusal(Bytes(1)), HasSubstr("zeros"));
}

// --- Protected guests ------------------------------------------------------------------------

TEST(KernelImage, only_16_kib_pages_cannot_run_protected) {
  const auto kernel = [](uint64_t page_size) {
    return open(make_image({.flags = 0b1000 | page_size << 1}));
  };

  EXPECT_NO_THROW(check_runs_protected(kernel(0)));
  EXPECT_NO_THROW(check_runs_protected(kernel(1)));
  EXPECT_THROW(check_runs_protected(kernel(2)), SetupError);
  EXPECT_NO_THROW(check_runs_protected(kernel(3)));
}

TEST(KernelImage, flat_binary_may_run_protected) {
  EXPECT_NO_THROW(check_runs_protected(open(bytes_of("\0\0\0\x14"sv))));
}

}  // namespace
}  // namespace redoubt::boot
