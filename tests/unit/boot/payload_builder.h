// SPDX-License-Identifier: Apache-2.0
//
// Kernels as the tests need them: well-formed unless a test damages them, and held in memory files,
// so that no test needs a writable directory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <span>
#include <string_view>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include "vmm/base/setup_error.h"
#include "vmm/base/unique_fd.h"

namespace redoubt::boot {

using Bytes = std::vector<std::byte>;

// A file with these contents; it lives as long as this object.
class MemoryFile {
 public:
  explicit MemoryFile(std::span<const std::byte> contents);
  [[nodiscard]] std::filesystem::path path() const;

  void truncate(uint64_t size);  // or extend, with zeros

 private:
  UniqueFd fd_;
};

struct ImageFields {
  uint64_t text_offset = 0;
  uint64_t image_size = 0x20000;
  uint64_t flags = 0b1010;  // 4 KiB pages, anywhere
  size_t file_size = 0x10000;
};
// The bytes behind the header are pseudo-random: they do not pack to nothing.
Bytes make_image(const ImageFields& fields = {});

Bytes gzip(std::span<const std::byte> contents);
Bytes zstd(std::span<const std::byte> contents);

struct ZbootFields {
  uint32_t payload_offset = 0x1000;
  uint32_t payload_size = 0;  // 0: that of the payload
  std::string_view compression = "gzip";
};
Bytes make_zboot(std::span<const std::byte> payload, const ZbootFields& fields = {});

Bytes bytes_of(std::string_view text);
Bytes concatenate(std::span<const std::byte> first, std::span<const std::byte> second);
void put(Bytes& bytes, size_t offset, std::string_view text);
void put_u32(Bytes& bytes, size_t offset, uint32_t value);
void put_u64(Bytes& bytes, size_t offset, uint64_t value);

// --- Definitions -----------------------------------------------------------------------------

inline MemoryFile::MemoryFile(std::span<const std::byte> contents)
    : fd_(::memfd_create("test-payload", MFD_CLOEXEC)) {
  if (!fd_.valid()) throw_errno("memfd_create");
  while (!contents.empty()) {
    const ssize_t count = ::write(fd_.get(), contents.data(), contents.size());
    if (count < 0) throw_errno("write");
    contents = contents.subspan(static_cast<size_t>(count));
  }
}

inline std::filesystem::path MemoryFile::path() const {
  return fmt::format("/proc/self/fd/{}", fd_.get());
}

inline void MemoryFile::truncate(uint64_t size) {
  if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) throw_errno("ftruncate");
}

inline Bytes make_image(const ImageFields& fields) {
  Bytes image(fields.file_size);
  std::minstd_rand random(1);
  std::ranges::generate(image, [&] { return static_cast<std::byte>(random() >> 8); });
  put_u64(image, 0x08, fields.text_offset);
  put_u64(image, 0x10, fields.image_size);
  put_u64(image, 0x18, fields.flags);
  put(image, 0x38, "ARM\x64");
  return image;
}

inline Bytes gzip(std::span<const std::byte> contents) {
  z_stream stream = {};
  if (::deflateInit2(&stream, 1, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    std::abort();
  }
  Bytes packed(::deflateBound(&stream, contents.size()));
  Bytes input(contents.begin(), contents.end());
  // SAFETY: zlib's name for bytes; unsigned char may alias anything.
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  // SAFETY: as above.
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  if (::deflate(&stream, Z_FINISH) != Z_STREAM_END) std::abort();
  packed.resize(stream.total_out);
  ::deflateEnd(&stream);
  return packed;
}

inline Bytes zstd(std::span<const std::byte> contents) {
  Bytes packed(::ZSTD_compressBound(contents.size()));
  const size_t size =
      ::ZSTD_compress(packed.data(), packed.size(), contents.data(), contents.size(), 1);
  if (::ZSTD_isError(size) != 0) std::abort();
  packed.resize(size);
  return packed;
}

inline Bytes make_zboot(std::span<const std::byte> payload, const ZbootFields& fields) {
  Bytes zboot(0x1000);
  put(zboot, 0, "MZ");
  put(zboot, 4, "zimg");
  put_u32(zboot, 0x08, fields.payload_offset);
  put_u32(zboot, 0x0c,
          fields.payload_size != 0 ? fields.payload_size : static_cast<uint32_t>(payload.size()));
  put(zboot, 0x18, fields.compression);
  put_u32(zboot, 0x38, 0x818223cd);
  zboot = concatenate(zboot, payload);
  return concatenate(zboot, bytes_of("padding of the section behind the payload"));
}

inline Bytes bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

inline Bytes concatenate(std::span<const std::byte> first, std::span<const std::byte> second) {
  Bytes both(first.begin(), first.end());
  both.insert(both.end(), second.begin(), second.end());
  return both;
}

inline void put(Bytes& bytes, size_t offset, std::string_view text) {
  std::ranges::copy(bytes_of(text), bytes.begin() + static_cast<std::ptrdiff_t>(offset));
}

inline void put_u32(Bytes& bytes, size_t offset, uint32_t value) {
  for (size_t i = 0; i < 4; ++i) bytes.at(offset + i) = static_cast<std::byte>(value >> (8 * i));
}

inline void put_u64(Bytes& bytes, size_t offset, uint64_t value) {
  put_u32(bytes, offset, static_cast<uint32_t>(value));
  put_u32(bytes, offset + 4, static_cast<uint32_t>(value >> 32));
}

}  // namespace redoubt::boot
