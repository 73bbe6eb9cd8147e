// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/image_header.h"

#include <gtest/gtest.h>

#include "tests/unit/boot/payload_builder.h"

namespace redoubt::boot {
namespace {

TEST(ImageHeader, fields_are_taken_from_their_places) {
  const Bytes image = make_image({.text_offset = 0x1234000, .image_size = 0x5678000});

  const auto header = ImageHeader::parse(image);

  ASSERT_TRUE(header);
  EXPECT_EQ(header->text_offset, 0x1234000u);
  EXPECT_EQ(header->image_size, 0x5678000u);
  EXPECT_EQ(header->page_size, PageSize::Size4K);
  EXPECT_EQ(header->endianness, Endianness::Little);
}

TEST(ImageHeader, flags_tell_endianness_and_page_size) {
  const auto big_16k = ImageHeader::parse(make_image({.flags = 0b0101}));
  const auto little_64k = ImageHeader::parse(make_image({.flags = 0b0110}));
  const auto unspecified = ImageHeader::parse(make_image({.flags = 0b1000}));

  EXPECT_EQ(big_16k->endianness, Endianness::Big);
  EXPECT_EQ(big_16k->page_size, PageSize::Size16K);
  EXPECT_EQ(little_64k->endianness, Endianness::Little);
  EXPECT_EQ(little_64k->page_size, PageSize::Size64K);
  EXPECT_EQ(unspecified->page_size, PageSize::Unspecified);
}

TEST(ImageHeader, reserved_flags_are_ignored) {
  const auto header = ImageHeader::parse(make_image({.flags = ~uint64_t{0xf} | 0b1010}));

  EXPECT_EQ(header->page_size, PageSize::Size4K);
  EXPECT_EQ(header->endianness, Endianness::Little);
}

TEST(ImageHeader, image_size_of_zero_means_a_text_offset_of_512_kib_and_no_flags) {
  const auto header =
      ImageHeader::parse(make_image({.text_offset = 0xdead, .image_size = 0, .flags = 0b0101}));

  EXPECT_EQ(header->text_offset, 0x80000u);
  EXPECT_EQ(header->image_size, 0u);
  EXPECT_EQ(header->endianness, Endianness::Little);
  EXPECT_EQ(header->page_size, PageSize::Unspecified);
}

TEST(ImageHeader, other_magic_is_no_image) {
  Bytes image = make_image();
  put(image, 0x38, "arm\x64");

  EXPECT_FALSE(ImageHeader::parse(image));
}

TEST(ImageHeader, header_of_63_bytes_is_no_image) {
  const Bytes image = make_image();

  EXPECT_FALSE(ImageHeader::parse(std::span(image).first(63)));
  EXPECT_TRUE(ImageHeader::parse(std::span(image).first(64)));
}

}  // namespace
}  // namespace redoubt::boot
