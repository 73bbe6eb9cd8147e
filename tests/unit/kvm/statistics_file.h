// SPDX-License-Identifier: Apache-2.0
//
// A file as KVM_GET_STATS_FD opens it (api.rst of Linux, 4.133).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/kvm/statistics.h"
#include "vmm/kvm/uapi.h"

namespace redoubt::kvm {

inline constexpr uint32_t kPlain =
    KVM_STATS_TYPE_CUMULATIVE | KVM_STATS_UNIT_NONE | KVM_STATS_BASE_POW10;
inline constexpr uint32_t kNameSize = 48;

struct Entry {
  std::string_view name;
  uint64_t value;
  uint32_t flags = kPlain;
  int16_t exponent = 0;
  uint16_t size = 1;
};

// The file, part by part, for a test to spoil.
struct StatisticsFile {
  explicit StatisticsFile(const std::vector<Entry>& entries) {
    header.name_size = kNameSize;
    header.num_desc = static_cast<uint32_t>(entries.size());
    header.id_offset = sizeof header;
    header.desc_offset = header.id_offset + kNameSize;
    header.data_offset =
        header.desc_offset +
        static_cast<uint32_t>(entries.size() * (sizeof(kvm_stats_desc) + kNameSize));
    for (const Entry& entry : entries) {
      kvm_stats_desc descriptor{};
      descriptor.flags = entry.flags;
      descriptor.exponent = entry.exponent;
      descriptor.size = entry.size;
      descriptor.offset = static_cast<uint32_t>(data.size() * sizeof(uint64_t));
      append(descriptors, &descriptor, sizeof descriptor);
      std::string name(entry.name);
      name.resize(kNameSize);
      descriptors += name;
      data.insert(data.end(), entry.size, entry.value);
    }
  }

  static void append(std::string& bytes, const void* object, size_t size) {
    bytes.append(static_cast<const char*>(object), size);
  }

  [[nodiscard]] std::string bytes() const {
    std::string all;
    append(all, &header, sizeof header);
    all += std::string(kNameSize, 'i');
    all += descriptors;
    append(all, data.data(), data.size() * sizeof(uint64_t));
    return all;
  }

  kvm_stats_header header{};
  std::string descriptors;
  std::vector<uint64_t> data;
};

inline Result<Statistics, std::error_code> read(const std::string& bytes) {
  const UniqueFd file(::memfd_create("statistics", MFD_CLOEXEC));
  EXPECT_EQ(::write(file.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  return Statistics::read(file);
}

}  // namespace redoubt::kvm
