// SPDX-License-Identifier: Apache-2.0
//
// PrivateMount: a file system that only this process and its children see, for as long as the
// object lives. LoopDevice: a block device of so many zeros. Both throw Unavailable where they
// cannot be had.
#pragma once

#include <cstddef>
#include <string>

#include "tests/board/suite/support/scratch_folder.h"
#include "vmm/base/unique_fd.h"

namespace redoubt::suite {

class PrivateMount {
 public:
  explicit PrivateMount(const std::string& type, const std::string& source = "none");
  PrivateMount(const PrivateMount&) = delete;
  PrivateMount& operator=(const PrivateMount&) = delete;
  ~PrivateMount();

  // The full name of something in it.
  [[nodiscard]] std::string operator/(const std::string& name) const { return folder_ / name; }

 private:
  ScratchFolder folder_;
};

class LoopDevice {
 public:
  explicit LoopDevice(size_t size);
  LoopDevice(const LoopDevice&) = delete;
  LoopDevice& operator=(const LoopDevice&) = delete;
  ~LoopDevice();

  [[nodiscard]] const std::string& path() const { return path_; }
  // What is behind it, to be written before anybody has read it.
  [[nodiscard]] BorrowedFd content() const { return content_; }

 private:
  UniqueFd content_;  // a memfd
  UniqueFd device_;
  std::string path_;
};

// An empty ext2 of 256 KiB, in blocks of 4 KiB, for a loop device of that size.
inline constexpr size_t kExt2Size = 256 << 10;
void format_ext2(const LoopDevice& device);

}  // namespace redoubt::suite
