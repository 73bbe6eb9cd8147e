// SPDX-License-Identifier: Apache-2.0
//
// IoRing: an io_uring of one request at a time, by the system calls themselves. Throws Unavailable
// where there is none, and std::system_error when the kernel refuses what is not under test.
#pragma once

#include <cstddef>
#include <cstdint>

#include <linux/io_uring.h>

#include "vmm/base/unique_fd.h"

namespace redoubt::suite {

class IoRing {
 public:
  IoRing();
  ~IoRing();
  IoRing(const IoRing&) = delete;
  IoRing& operator=(const IoRing&) = delete;

  // The memory that the fixed requests below are about: the kernel holds on to it from now on.
  void register_buffer(std::byte* data, size_t size);

  // At the start of the file; 0, or the errno that the request came back with.
  [[nodiscard]] int write(BorrowedFd file, const std::byte* data, size_t size);
  [[nodiscard]] int write_fixed(BorrowedFd file, const std::byte* data, size_t size);
  [[nodiscard]] int read_fixed(BorrowedFd file, std::byte* data, size_t size);

 private:
  int request(uint8_t operation, BorrowedFd file, const std::byte* data, size_t size);
  [[nodiscard]] uint32_t& word_at(uint32_t offset) const;

  io_uring_params parameters_{};
  UniqueFd fd_;
  std::byte* rings_ = nullptr;
  size_t rings_size_ = 0;
  io_uring_sqe* entries_ = nullptr;
};

}  // namespace redoubt::suite
