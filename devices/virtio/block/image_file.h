// SPDX-License-Identifier: Apache-2.0
//
// ImageFile: the file or block device behind a disk, open and locked. Its bytes are the disk's
// bytes: a raw image, whatever they look like.
//
// The lock is for all processes that lock open files (F_OFD_SETLK), this one included: one writer
// or any number of readers. It ends with the object or the process.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "devices/virtio/block/block_options.h"
#include "vmm/base/unique_fd.h"

namespace redoubt {

class ImageFile {
 public:
  // Throws SetupError: the image cannot be opened as wanted, is neither file nor block device, is
  // in use, or has a size that a disk cannot have.
  explicit ImageFile(const BlockOptions& options);
  ~ImageFile();
  ImageFile(const ImageFile&) = delete;
  ImageFile& operator=(const ImageFile&) = delete;

  [[nodiscard]] BorrowedFd fd() const { return fd_; }
  [[nodiscard]] bool is_block_device() const { return is_block_device_; }
  // In bytes, powers of two from 512 up. What starts and ends at logical blocks can be read and
  // written; what starts and ends at physical ones is written without reading.
  [[nodiscard]] uint32_t logical_block_size() const { return logical_block_size_; }
  [[nodiscard]] uint32_t physical_block_size() const { return physical_block_size_; }
  // What the image holds now, in bytes: logical blocks that are there as a whole. 0, if the host
  // does not say.
  [[nodiscard]] uint64_t size() const noexcept;

 private:
  void check_type();
  void lock(bool exclusive);
  void use_directly();
  void find_block_sizes(bool direct);
  void check_size() const;

  // Constant after construction.
  const std::filesystem::path path_;
  UniqueFd fd_;
  bool is_block_device_ = false;
  uint32_t logical_block_size_ = 512;
  uint32_t physical_block_size_ = 512;
};

}  // namespace redoubt
