// SPDX-License-Identifier: Apache-2.0
//
// TempImage: a disk image for one test, deleted at its end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "vmm/base/setup_error.h"
#include "vmm/base/unique_fd.h"

namespace redoubt {

class TempImage {
 public:
  // Filled so that every byte differs from the one before and every sector from the next.
  explicit TempImage(uint64_t size) {
    std::string name = (std::filesystem::temp_directory_path() / "image-XXXXXX").string();
    fd_.reset(::mkostemp(name.data(), O_CLOEXEC));
    if (!fd_.valid()) throw_errno("mkostemp");
    path_ = name;
    std::vector<std::byte> bytes(size);
    for (uint64_t i = 0; i < size; ++i) bytes[i] = pattern(i);
    write(0, bytes);
  }
  ~TempImage() { std::filesystem::remove(path_); }
  TempImage(const TempImage&) = delete;
  TempImage& operator=(const TempImage&) = delete;

  [[nodiscard]] static std::byte pattern(uint64_t offset) {
    return static_cast<std::byte>(offset + offset / 512 * 7 + 1);
  }
  [[nodiscard]] static std::vector<std::byte> pattern(uint64_t offset, uint64_t size) {
    std::vector<std::byte> bytes(size);
    for (uint64_t i = 0; i < size; ++i) bytes[i] = pattern(offset + i);
    return bytes;
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] BorrowedFd fd() const { return fd_; }

  [[nodiscard]] std::vector<std::byte> read(uint64_t offset, uint64_t size) const {
    std::vector<std::byte> bytes(size);
    const ssize_t got = ::pread(fd_.get(), bytes.data(), size, static_cast<off_t>(offset));
    bytes.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
    return bytes;
  }
  void write(uint64_t offset, const std::vector<std::byte>& bytes) {
    const ssize_t put = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put != static_cast<ssize_t>(bytes.size())) throw_errno("pwrite");
  }
  void resize(uint64_t size) { std::filesystem::resize_file(path_, size); }
  [[nodiscard]] uint64_t size() const { return std::filesystem::file_size(path_); }

 private:
  UniqueFd fd_;
  std::filesystem::path path_;
};

}  // namespace redoubt
