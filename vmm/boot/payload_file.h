// SPDX-License-Identifier: Apache-2.0
//
// PayloadFile: a file that is to become guest memory (a kernel or an initrd), or the unpacked
// contents of one. Nothing of what is in it is trusted. Set-up only, one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "vmm/base/setup_error.h"
#include "vmm/base/unique_fd.h"

namespace redoubt::boot {

class PayloadFile {
 public:
  // Opens a regular, non-empty file; `role` ("kernel") begins each error message about it. Throws
  // SetupError with ExitStatus::BadPayload, as everything here does.
  PayloadFile(std::string_view role, const std::filesystem::path& path);
  // Takes over `contents`, which was unpacked from `packed`: messages go on naming that file.
  PayloadFile(const PayloadFile& packed, UniqueFd contents, uint64_t size);

  [[nodiscard]] BorrowedFd fd() const { return fd_; }
  [[nodiscard]] uint64_t size() const { return size_; }  // in bytes, never 0

  // Reads up to bytes.size() bytes from `offset`; fewer only at the end of the file.
  size_t read(uint64_t offset, std::span<std::byte> bytes) const;

  // "ROLE PATH: WHY", to throw: refuse() does so, std::throw_with_nested() may.
  [[nodiscard]] SetupError error(const std::string& why, std::string remedy = {}) const;
  [[noreturn]] void refuse(const std::string& why, std::string remedy = {}) const;

 private:
  std::string name_;  // "kernel /srv/vm/Image"
  UniqueFd fd_;
  uint64_t size_ = 0;
};

}  // namespace redoubt::boot
