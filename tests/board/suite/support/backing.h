// SPDX-License-Identifier: Apache-2.0
//
// Backing: host memory of one kind or another, to be put behind a memslot. Owned by the test that
// makes it; every constructor throws std::system_error, or Unavailable where the host does not have
// that kind of memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>

#include "vmm/base/unique_fd.h"

namespace redoubt::suite {

// Says what the host lacks; a contract test that throws it is skipped with the text.
class Unavailable : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

[[nodiscard]] size_t page_size();

class Backing {
 public:
  [[nodiscard]] static Backing anonymous(size_t size);
  [[nodiscard]] static Backing anonymous_read_only(size_t size);
  [[nodiscard]] static Backing anonymous_executable(size_t size);
  [[nodiscard]] static Backing shared_anonymous(size_t size);
  [[nodiscard]] static Backing memfd(size_t size);
  [[nodiscard]] static Backing of_memfd(BorrowedFd memfd, size_t size);
  [[nodiscard]] static Backing tmpfs_file(size_t size);
  // One huge page of the default size, which the host is asked to provide if it has none to spare.
  [[nodiscard]] static Backing hugetlb_anonymous();
  [[nodiscard]] static Backing hugetlb_memfd();
  // Anonymous, aligned to and made of one transparent huge page.
  [[nodiscard]] static Backing transparent_huge_page();

  Backing(Backing&& other) noexcept;
  Backing& operator=(Backing&&) = delete;
  ~Backing();

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] std::byte* page(size_t index) const { return data_ + index * page_size(); }

  // Plain host accesses to the 64-bit word at the start of a page: they fault where the page is
  // private to a guest. host_access.h has the accesses that survive this.
  void write_word(size_t page_index, uint64_t value) const;
  [[nodiscard]] uint64_t read_word(size_t page_index) const;

  void keep_out_of_children() const;  // MADV_DONTFORK
  void unmap();                       // before its time; a memslot over it is left over nothing

 private:
  Backing(std::byte* data, size_t size) : data_(data), size_(size) {}
  static Backing map(size_t size, int protection, int flags, int fd);

  std::byte* data_;
  size_t size_;
};

}  // namespace redoubt::suite
