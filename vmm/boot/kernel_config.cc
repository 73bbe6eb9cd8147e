// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/kernel_config.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "vmm/base/setup_error.h"
#include "vmm/boot/decompress.h"

namespace redoubt::boot {
namespace {

using namespace std::string_view_literals;

constexpr size_t kChunkSize = size_t{256} << 10;
// Full distribution configurations are some 300 KiB, packed some 80.
constexpr uint64_t kPackedLimit = uint64_t{1} << 20;
constexpr uint64_t kUnpackedLimit = uint64_t{4} << 20;

// With the first bytes of the gzip header: the word alone also stands in the code that looks for
// it.
constexpr std::string_view kStart = "IKCFG_ST\x1f\x8b\x08"sv;
constexpr uint64_t kStartWord = 8;
constexpr std::string_view kEnd = "IKCFG_ED"sv;

// Offset of the first `marker` in [from, to).
std::optional<uint64_t> find(const PayloadFile& file, std::string_view marker, uint64_t from,
                             uint64_t to) {
  std::vector<char> chunk(kChunkSize);
  while (from < to) {
    const auto wanted = static_cast<size_t>(std::min<uint64_t>(chunk.size(), to - from));
    const size_t count = file.read(from, std::as_writable_bytes(std::span(chunk)).first(wanted));
    const size_t found = std::string_view(chunk.data(), count).find(marker);
    if (found != std::string_view::npos) return from + found;
    if (count < chunk.size()) return std::nullopt;
    from += count - (marker.size() - 1);  // a marker may straddle two chunks
  }
  return std::nullopt;
}

}  // namespace

KernelConfig::KernelConfig(std::string_view text) : text_("\n") { text_ += text; }

std::optional<std::string_view> KernelConfig::value(std::string_view option) const {
  std::string line = "\n";
  line += option;
  line += '=';
  const size_t found = text_.find(line);
  if (found == std::string::npos) return std::nullopt;
  const std::string_view rest = std::string_view(text_).substr(found + line.size());
  return rest.substr(0, rest.find('\n'));
}

std::optional<KernelConfig> extract_kernel_config(const PayloadFile& kernel) {
  const auto marker = find(kernel, kStart, 0, kernel.size());
  if (!marker) return std::nullopt;
  const uint64_t start = *marker + kStartWord;
  const auto end = find(kernel, kEnd, start, std::min(kernel.size(), start + kPackedLimit));
  if (!end) return std::nullopt;

  std::string text;
  try {
    decompress(kernel, {start, *end - start}, Compression::Gzip, kUnpackedLimit,
               [&](std::span<const std::byte> bytes) {
                 // SAFETY: char may alias any byte, and the view ends with the span.
                 text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
               });
  } catch (const SetupError&) {
    return std::nullopt;  // damaged: as good as none
  }
  return KernelConfig(text);
}

}  // namespace redoubt::boot
