// SPDX-License-Identifier: Apache-2.0
#include "vmm/kvm/statistics.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

#include <unistd.h>

#include "vmm/kvm/uapi.h"

namespace redoubt::kvm {

namespace {

// Far beyond what any kernel has, far below what would be a burden.
constexpr uint32_t kMostDescriptors = 4096;
constexpr uint32_t kLongestName = 1024;

using Status = Result<void, std::error_code>;

std::error_code malformed() { return {EBADMSG, std::system_category()}; }

Status read_all(BorrowedFd file, std::span<std::byte> to, uint64_t offset) {
  const ssize_t count = ::pread(file.get(), to.data(), to.size(), static_cast<off_t>(offset));
  if (count < 0) return Unexpected(std::error_code(errno, std::system_category()));
  if (static_cast<size_t>(count) != to.size()) return Unexpected(malformed());
  return {};
}

template <class T>
Result<T, std::error_code> read_object(BorrowedFd file, uint64_t offset) {
  T object{};
  TRY(read_all(file, std::as_writable_bytes(std::span(&object, 1)), offset));
  return object;
}

bool is_plain_number(const kvm_stats_desc& descriptor) {
  const uint32_t type = descriptor.flags & KVM_STATS_TYPE_MASK;
  const bool histogram = type == KVM_STATS_TYPE_LINEAR_HIST || type == KVM_STATS_TYPE_LOG_HIST;
  return descriptor.size == 1 && descriptor.exponent == 0 && !histogram &&
         (descriptor.flags & KVM_STATS_UNIT_MASK) == KVM_STATS_UNIT_NONE;
}

// Empty if it does not end where it has to.
std::string_view name_in(std::span<const std::byte> bytes) {
  const auto end = std::find(bytes.begin(), bytes.end(), std::byte{0});
  if (end == bytes.end()) return {};
  // SAFETY: bytes looked at as characters.
  return {reinterpret_cast<const char*>(bytes.data()), static_cast<size_t>(end - bytes.begin())};
}

}  // namespace

Result<Statistics, std::error_code> Statistics::read(BorrowedFd file) {
  const auto header = TRY(read_object<kvm_stats_header>(file, 0));
  if (header.num_desc > kMostDescriptors || header.name_size == 0 ||
      header.name_size > kLongestName) {
    return Unexpected(malformed());
  }
  const size_t stride = sizeof(kvm_stats_desc) + header.name_size;
  std::vector<std::byte> described(stride * header.num_desc);
  TRY(read_all(file, described, header.desc_offset));

  Statistics statistics;
  for (size_t at = 0; at < described.size(); at += stride) {
    const std::span<const std::byte> bytes = std::span(described).subspan(at, stride);
    kvm_stats_desc descriptor{};
    std::memcpy(&descriptor, bytes.data(), sizeof(descriptor));
    const std::string_view name = name_in(bytes.subspan(sizeof(descriptor)));
    if (name.empty()) return Unexpected(malformed());
    if (!is_plain_number(descriptor)) continue;
    const uint64_t place = uint64_t{header.data_offset} + descriptor.offset;
    const auto number = TRY(read_object<uint64_t>(file, place));
    if (!statistics.values_.emplace(name, number).second) return Unexpected(malformed());
  }
  return statistics;
}

std::optional<uint64_t> Statistics::value(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace redoubt::kvm
