// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/decompress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/boot/payload_builder.h"
#include "vmm/base/setup_error.h"

namespace redoubt::boot {
namespace {

constexpr uint64_t kAmple = uint64_t{1} << 30;

Bytes unpack(std::span<const std::byte> packed, Compression compression, uint64_t limit = kAmple) {
  const MemoryFile memory(packed);
  const PayloadFile file("kernel", memory.path());
  Bytes contents;
  decompress(file, {0, file.size()}, compression, limit, [&](std::span<const std::byte> bytes) {
    contents.insert(contents.end(), bytes.begin(), bytes.end());
  });
  return contents;
}

std::string refusal(std::span<const std::byte> packed, Compression compression,
                    uint64_t limit = kAmple) {
  try {
    unpack(packed, compression, limit);
  } catch (const SetupError& error) {
    EXPECT_EQ(error.status(), ExitStatus::BadPayload);
    return error.what();
  }
  return "not refused";
}

using testing::HasSubstr;

Bytes pack(Compression compression, std::span<const std::byte> contents) {
  return compression == Compression::Gzip ? gzip(contents) : zstd(contents);
}

class Decompress : public testing::TestWithParam<Compression> {};
INSTANTIATE_TEST_SUITE_P(, Decompress, testing::Values(Compression::Gzip, Compression::Zstd),
                         [](const auto& test) { return std::string(name(test.param)); });

TEST_P(Decompress, gives_back_what_was_packed) {
  const Bytes contents = make_image({.file_size = 1'000'003});

  EXPECT_EQ(unpack(pack(GetParam(), contents), GetParam()), contents);
}

TEST_P(Decompress, streams_one_after_the_other_are_one) {
  const Bytes contents = make_image({.file_size = 300'000});
  const Bytes packed = pack(GetParam(), contents);

  EXPECT_EQ(unpack(concatenate(packed, packed), GetParam()), concatenate(contents, contents));
}

TEST_P(Decompress, works_in_an_extent_in_the_middle_of_a_file) {
  const Bytes contents = make_image();
  const Bytes packed = pack(GetParam(), contents);
  const MemoryFile memory(concatenate(concatenate(bytes_of("before"), packed), bytes_of("after")));
  const PayloadFile file("kernel", memory.path());

  const PayloadFile unpacked =
      decompress_to_file(file, {6, packed.size()}, GetParam(), contents.size());

  Bytes read(contents.size() + 1);
  EXPECT_EQ(unpacked.size(), contents.size());
  EXPECT_EQ(unpacked.read(0, read), contents.size());
  read.pop_back();
  EXPECT_EQ(read, contents);
}

TEST_P(Decompress, limit_is_exact) {
  const Bytes contents = make_image({.file_size = 200'000});
  const Bytes packed = pack(GetParam(), contents);

  EXPECT_EQ(unpack(packed, GetParam(), 200'000), contents);
  EXPECT_THAT(refusal(packed, GetParam(), 199'999), HasSubstr("more than 199999 bytes"));
  EXPECT_THAT(refusal(packed, GetParam(), 0), HasSubstr("more than 0 bytes"));
}

TEST_P(Decompress, bomb_is_stopped_at_the_limit) {
  const Bytes packed = pack(GetParam(), Bytes(size_t{64} << 20));
  const MemoryFile memory(packed);
  const PayloadFile file("kernel", memory.path());
  uint64_t received = 0;

  EXPECT_THROW(decompress(file, {0, file.size()}, GetParam(), 1'000'000,
                          [&](std::span<const std::byte> bytes) { received += bytes.size(); }),
               SetupError);

  EXPECT_LE(received, 1'000'000u);
}

TEST_P(Decompress, every_truncation_is_refused) {
  const Bytes packed = pack(GetParam(), make_image({.file_size = 600}));

  for (size_t size = 1; size < packed.size(); ++size) {
    ASSERT_THAT(refusal(std::span(packed).first(size), GetParam()), HasSubstr("ends early"))
        << size;
  }
}

TEST_P(Decompress, large_stream_without_its_end_is_refused) {
  const Bytes packed = pack(GetParam(), make_image({.file_size = 1'000'000}));

  EXPECT_THAT(refusal(std::span(packed).first(packed.size() / 2), GetParam()),
              HasSubstr("ends early"));
}

TEST_P(Decompress, bytes_behind_the_end_are_refused) {
  const Bytes packed = pack(GetParam(), make_image({.file_size = 600}));

  EXPECT_THAT(refusal(concatenate(packed, bytes_of("junk!")), GetParam()),
              HasSubstr("5 bytes that do not belong"));
  EXPECT_THAT(refusal(concatenate(packed, Bytes(1)), GetParam()),
              HasSubstr("1 bytes that do not belong"));
}

TEST_P(Decompress, second_stream_without_its_end_is_refused) {
  const Bytes packed = pack(GetParam(), make_image({.file_size = 600}));
  const Bytes twice = concatenate(packed, packed);

  EXPECT_THAT(refusal(std::span(twice).first(twice.size() - 1), GetParam()),
              HasSubstr("ends early"));
}

TEST_P(Decompress, file_cut_short_after_it_was_opened_is_refused) {
  const Bytes packed = pack(GetParam(), make_image({.file_size = 600}));
  MemoryFile memory(packed);
  const PayloadFile file("kernel", memory.path());
  memory.truncate(packed.size() - 1);

  EXPECT_THROW(decompress(file, {0, file.size()}, GetParam(), kAmple, [](auto) {}), SetupError);
}

TEST_P(Decompress, stream_of_nothing_makes_no_file) {
  const MemoryFile memory(pack(GetParam(), {}));
  const PayloadFile file("kernel", memory.path());

  EXPECT_THROW(static_cast<void>(decompress_to_file(file, {0, file.size()}, GetParam(), kAmple)),
               SetupError);
}

// Some bits do not matter to the contents: padding in front of a stored block, for one.
TEST(DecompressGzip, damaged_stream_is_refused_or_gives_back_what_was_packed) {
  const Bytes contents = make_image({.file_size = 600});
  const Bytes packed = gzip(contents);
  const auto unpack_or_nothing = [](const Bytes& damaged) {
    try {
      return unpack(damaged, Compression::Gzip);
    } catch (const SetupError&) {
      return Bytes();
    }
  };

  for (size_t i = 0; i < packed.size(); ++i) {
    Bytes damaged = packed;
    damaged[i] ^= std::byte{0x10};
    ASSERT_THAT(unpack_or_nothing(damaged), testing::AnyOf(contents, Bytes())) << i;
  }
}

TEST(DecompressGzip, wrong_checksum_is_refused) {
  Bytes packed = gzip(make_image());
  packed[packed.size() - 8] ^= std::byte{1};

  EXPECT_THAT(refusal(packed, Compression::Gzip), HasSubstr("incorrect data check"));
}

TEST(Compression, is_recognised_by_magic_number) {
  EXPECT_EQ(recognise(gzip({})), Compression::Gzip);
  EXPECT_EQ(recognise(zstd({})), Compression::Zstd);
  EXPECT_EQ(recognise(bytes_of("\x1f")), std::nullopt);
  EXPECT_EQ(recognise(bytes_of("\x28\xb5\x2f")), std::nullopt);
  EXPECT_EQ(recognise({}), std::nullopt);
}

}  // namespace
}  // namespace redoubt::boot
