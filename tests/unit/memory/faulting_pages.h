// SPDX-License-Identifier: Apache-2.0
//
// Two neighbouring pages for tests: the first can be accessed, the second faults as a page faults
// that a guest has taken back (SIGSEGV) or whose backing is gone (SIGBUS).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>

#include <sys/mman.h>
#include <unistd.h>

#include "vmm/base/unique_fd.h"
#include "vmm/memory/memory_object.h"

namespace redoubt {

enum class Fault { Segv, Bus };

class FaultingPages {
 public:
  explicit FaultingPages(Fault fault) : file_(::memfd_create("faulting-pages", MFD_CLOEXEC)) {
    // Mapped whole and then truncated: to touch the second page is SIGBUS.
    const auto length = static_cast<off_t>(fault == Fault::Bus ? page_size_ : 2 * page_size_);
    if (::ftruncate(file_.get(), length) != 0) throw std::runtime_error("ftruncate");
    void* const mapping =
        ::mmap(nullptr, 2 * page_size_, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
    if (mapping == MAP_FAILED) throw std::runtime_error("mmap");
    bytes_ = static_cast<std::byte*>(mapping);
    if (fault == Fault::Segv) protect_second(PROT_NONE);
  }
  FaultingPages(const FaultingPages&) = delete;
  FaultingPages& operator=(const FaultingPages&) = delete;
  ~FaultingPages() { ::munmap(bytes_, 2 * page_size_); }

  void protect_second(int protection) {
    if (::mprotect(bytes_ + page_size_, page_size_, protection) != 0) {
      throw std::runtime_error("mprotect");
    }
  }

  [[nodiscard]] std::span<std::byte> first_page() const { return {bytes_, page_size_}; }
  [[nodiscard]] uintptr_t start() const {
    // SAFETY: the tests hand the number to the routines under test.
    return reinterpret_cast<uintptr_t>(bytes_);
  }
  [[nodiscard]] uintptr_t boundary() const { return start() + page_size_; }
  [[nodiscard]] size_t size() const { return 2 * page_size_; }

 private:
  size_t page_size_ = host_page_size();
  UniqueFd file_;
  std::byte* bytes_ = nullptr;
};

}  // namespace redoubt
