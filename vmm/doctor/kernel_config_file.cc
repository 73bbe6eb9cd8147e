// SPDX-License-Identifier: Apache-2.0
#include "vmm/doctor/kernel_config_file.h"

#include <array>
#include <cstddef>

#include <zlib.h>

namespace redoubt::doctor {

namespace {

// zlib reads files that are not packed, too.
std::string read_packed(const std::filesystem::path& path) {
  constexpr size_t kLimit = size_t{4} << 20;
  std::string text;
  gzFile const file = ::gzopen(path.c_str(), "rbe");
  if (file == nullptr) return text;
  std::array<char, 65536> chunk{};
  int size = 0;
  while (text.size() < kLimit &&
         (size = ::gzread(file, chunk.data(), static_cast<unsigned>(chunk.size()))) > 0) {
    text.append(chunk.data(), static_cast<size_t>(size));
  }
  ::gzclose(file);
  return size < 0 ? std::string() : text;
}

}  // namespace

KernelConfigFile read_kernel_config(const std::filesystem::path& root,
                                    const std::string& kernel_release) {
  for (const std::string& place : {std::string("proc/config.gz"), "boot/config-" + kernel_release,
                                   "lib/modules/" + kernel_release + "/config",
                                   "usr/lib/modules/" + kernel_release + "/config"}) {
    std::string text = read_packed(root / place);
    if (!text.empty()) return {"/" + place, std::move(text)};
  }
  return {};
}

}  // namespace redoubt::doctor
