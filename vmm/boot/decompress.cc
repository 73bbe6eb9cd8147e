// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/decompress.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

#include <fmt/format.h>
#define ZLIB_CONST  // zlib then takes its input as const
#include <zlib.h>
#include <zstd.h>

#include "vmm/base/setup_error.h"

namespace redoubt::boot {
namespace {

constexpr size_t kBufferSize = size_t{128} << 10;

constexpr std::array kGzipMagic = {std::byte{0x1f}, std::byte{0x8b}};
constexpr std::array kZstdMagic = {std::byte{0x28}, std::byte{0xb5}, std::byte{0x2f},
                                   std::byte{0xfd}};

bool starts_with(std::span<const std::byte> bytes, std::span<const std::byte> magic) {
  return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

struct Step {
  size_t consumed = 0;
  size_t produced = 0;
  bool ended = false;  // a stream is complete; another may begin
  std::string error;   // empty: none
};

class Decoder {
 public:
  Decoder() = default;
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  virtual ~Decoder() = default;
  // Consumes or produces something, unless it needs more input or has failed.
  virtual Step step(std::span<const std::byte> input, std::span<std::byte> output) = 0;
};

class GzipDecoder final : public Decoder {
 public:
  GzipDecoder() {
    if (::inflateInit2(&stream_, MAX_WBITS + kGzipHeader) != Z_OK) throw std::bad_alloc();
  }
  ~GzipDecoder() override { ::inflateEnd(&stream_); }

  Step step(std::span<const std::byte> input, std::span<std::byte> output) override {
    // SAFETY: zlib wants its bytes as unsigned char, which may alias anything; input is only read.
    stream_.next_in = reinterpret_cast<const Bytef*>(input.data());
    stream_.avail_in = static_cast<uInt>(input.size());
    // SAFETY: as above, and written within output.size().
    stream_.next_out = reinterpret_cast<Bytef*>(output.data());
    stream_.avail_out = static_cast<uInt>(output.size());
    const int status = ::inflate(&stream_, Z_NO_FLUSH);
    Step step;
    step.consumed = input.size() - stream_.avail_in;
    step.produced = output.size() - stream_.avail_out;
    step.ended = status == Z_STREAM_END;
    if (step.ended) ::inflateReset(&stream_);
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
      step.error = stream_.msg != nullptr ? stream_.msg : ::zError(status);
    }
    return step;
  }

 private:
  static constexpr int kGzipHeader = 16;  // added to the window bits: gzip framing, not zlib's
  z_stream stream_ = {};
};

class ZstdDecoder final : public Decoder {
 public:
  ZstdDecoder() : stream_(::ZSTD_createDStream()) {
    if (!stream_) throw std::bad_alloc();
  }

  Step step(std::span<const std::byte> input, std::span<std::byte> output) override {
    ZSTD_inBuffer in = {input.data(), input.size(), 0};
    ZSTD_outBuffer out = {output.data(), output.size(), 0};
    const size_t status = ::ZSTD_decompressStream(stream_.get(), &out, &in);
    Step step;
    step.consumed = in.pos;
    step.produced = out.pos;
    step.ended = status == 0;
    if (::ZSTD_isError(status) != 0) step.error = ::ZSTD_getErrorName(status);
    return step;
  }

 private:
  struct Free {
    void operator()(ZSTD_DStream* stream) const { ::ZSTD_freeDStream(stream); }
  };
  std::unique_ptr<ZSTD_DStream, Free> stream_;
};

std::unique_ptr<Decoder> make_decoder(Compression compression) {
  if (compression == Compression::Gzip) return std::make_unique<GzipDecoder>();
  return std::make_unique<ZstdDecoder>();
}

void write_all(BorrowedFd fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_errno("write an unpacked kernel to memory");
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
}

}  // namespace

std::string_view name(Compression compression) {
  return compression == Compression::Gzip ? "gzip" : "zstd";
}

std::optional<Compression> recognise(std::span<const std::byte> first_bytes) {
  if (starts_with(first_bytes, kGzipMagic)) return Compression::Gzip;
  if (starts_with(first_bytes, kZstdMagic)) return Compression::Zstd;
  return std::nullopt;
}

void decompress(const PayloadFile& file, Extent extent, Compression compression, uint64_t limit,
                const Consumer& consumer) {
  const std::unique_ptr<Decoder> decoder = make_decoder(compression);
  std::vector<std::byte> input_buffer(kBufferSize);
  std::vector<std::byte> output_buffer(kBufferSize);
  std::span<std::byte> input;
  uint64_t consumed = 0;  // of the extent
  uint64_t produced = 0;
  bool ended = false;

  while (!ended || consumed < extent.size) {
    if (input.empty() && consumed < extent.size) {
      const uint64_t left = std::min<uint64_t>(kBufferSize, extent.size - consumed);
      input = std::span(input_buffer).first(static_cast<size_t>(left));
      input = input.first(file.read(extent.offset + consumed, input));
    }
    const Step step = decoder->step(input, output_buffer);
    if (!step.error.empty()) {
      file.refuse(fmt::format("its {} data is damaged after {} bytes: {}", name(compression),
                              consumed + step.consumed, step.error));
    }
    if (step.produced > limit - produced) {
      file.refuse(fmt::format("unpacks to more than {} bytes, all that there is room for", limit),
                  "Give the guest more memory, if this is the kernel that was meant.");
    }
    if (step.consumed == 0 && step.produced == 0) {
      file.refuse(
          fmt::format("its {} data ends early, after {} bytes", name(compression), consumed),
          "Copy or build it again.");
    }
    consumer(std::span(output_buffer).first(step.produced));
    input = input.subspan(step.consumed);
    consumed += step.consumed;
    produced += step.produced;
    ended = step.ended;

    if (!ended || consumed == extent.size) continue;
    std::array<std::byte, kZstdMagic.size()> next = {};
    const uint64_t left = std::min<uint64_t>(next.size(), extent.size - consumed);
    const size_t count =
        file.read(extent.offset + consumed, std::span(next).first(static_cast<size_t>(left)));
    if (recognise(std::span(next).first(count)) != compression) {
      file.refuse(fmt::format("has {} bytes that do not belong after its {} data",
                              extent.size - consumed, name(compression)));
    }
  }
}

PayloadFile decompress_to_file(const PayloadFile& file, Extent extent, Compression compression,
                               uint64_t limit) {
  UniqueFd contents(::memfd_create("redoubt-kernel", MFD_CLOEXEC));
  if (!contents.valid()) throw_errno("memfd_create for an unpacked kernel");
  uint64_t size = 0;
  decompress(file, extent, compression, limit, [&](std::span<const std::byte> bytes) {
    write_all(contents, bytes);
    size += bytes.size();
  });
  return {file, std::move(contents), size};
}

}  // namespace redoubt::boot
