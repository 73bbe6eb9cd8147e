// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/zboot.h"

#include <gtest/gtest.h>

#include "tests/unit/boot/payload_builder.h"

namespace redoubt::boot {
namespace {

TEST(ZbootHeader, fields_are_taken_from_their_places) {
  const Bytes zboot = make_zboot(
      {}, {.payload_offset = 0xfffffff0, .payload_size = 0x89abcdef, .compression = "zstd"});

  const auto header = ZbootHeader::parse(zboot);

  ASSERT_TRUE(header);
  EXPECT_EQ(header->payload_offset, 0xfffffff0u);
  EXPECT_EQ(header->payload_size, 0x89abcdefu);
  EXPECT_EQ(header->compression, "zstd");
}

TEST(ZbootHeader, compression_without_nul_ends_with_its_field) {
  Bytes zboot = make_zboot({});
  put(zboot, 0x18, "0123456789abcdef0123456789ABCDEFbeyond");

  const auto header = ZbootHeader::parse(zboot);

  EXPECT_EQ(header->compression, "0123456789abcdef0123456789ABCDEF");
}

TEST(ZbootHeader, compression_can_be_shown_on_a_terminal) {
  const Bytes zboot = make_zboot({}, {.compression = "\x1b[2J\n\xff"});

  const auto header = ZbootHeader::parse(zboot);

  EXPECT_EQ(header->compression, "?[2J??");
}

TEST(ZbootHeader, both_magics_and_64_bytes_are_needed) {
  const Bytes zboot = make_zboot({});
  Bytes no_dos = zboot;
  put(no_dos, 0, "NZ");
  Bytes no_zimg = zboot;
  put(no_zimg, 4, "zimh");

  EXPECT_FALSE(ZbootHeader::parse(no_dos));
  EXPECT_FALSE(ZbootHeader::parse(no_zimg));
  EXPECT_FALSE(ZbootHeader::parse(std::span(zboot).first(63)));
}

}  // namespace
}  // namespace redoubt::boot
