// SPDX-License-Identifier: Apache-2.0
//
// What the kernel patches add, and what it takes to see it: memory made of folios of a known size,
// the statistics of a VM and the address of a failed KVM_RUN. Everything throws
// std::system_error when the host fails it, and Unavailable where the host does not have it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

#include "tests/board/suite/support/contract_guest.h"
#include "vmm/base/unique_fd.h"

namespace redoubt::suite {

inline constexpr size_t kHugePage = 2 << 20;

// Memory of `size` bytes that starts `offset` bytes after a boundary of 2 MiB, with one page of
// nothing on either side. It can be written right away, and is made of:
class FolioMemory {
 public:
  [[nodiscard]] static FolioMemory small_pages(size_t size);
  [[nodiscard]] static FolioMemory huge_pages(size_t size);         // anonymous
  [[nodiscard]] static FolioMemory folios_of_64_kib(size_t size);   // anonymous
  [[nodiscard]] static FolioMemory shared_huge_pages(size_t size);  // a memfd

  FolioMemory(FolioMemory&& other) noexcept;
  FolioMemory& operator=(FolioMemory&&) = delete;
  ~FolioMemory();

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::byte* page(size_t index) const { return data_ + index * page_size(); }
  [[nodiscard]] size_t size() const { return size_; }
  // Puts a word that differs from page to page at the start of each.
  void number_pages() const;
  [[nodiscard]] static uint64_t number_of(size_t page_index) {
    return 0x6e75'6d62'0000 + page_index;
  }

 private:
  FolioMemory(std::byte* data, size_t size) : data_(data), size_(size) {}
  static FolioMemory map(size_t size, int flags, int fd);

  std::byte* data_;
  size_t size_;
};

// Puts `size` bytes at `data` behind the guest's addresses from `ipa`; throws.
void back(Guest& guest, uint32_t slot, uint64_t ipa, const std::byte* data, size_t size);
inline void back_window(Guest& guest, const FolioMemory& memory) {
  back(guest, Guest::kWindowSlot, Guest::kWindow, memory.data(), memory.size());
}

// A statistic by its name, of a VM or of a vCPU; nothing where this kernel does not keep it.
[[nodiscard]] std::optional<uint64_t> statistic(BorrowedFd vm_or_vcpu, std::string_view name);

// The counters of protected memory. Throws Unavailable on a kernel without them, which by that is
// one that donates page by page.
struct Counters {
  uint64_t faults = 0;  // of all vCPUs
  uint64_t calls = 0;
  uint64_t donated = 0;
  uint64_t shared = 0;
  uint64_t poisoned = 0;

  bool operator==(const Counters&) const = default;
  [[nodiscard]] Counters since(const Counters& before) const;
};
std::ostream& operator<<(std::ostream& out, const Counters& counters);
[[nodiscard]] Counters counters(Guest& guest, unsigned vcpus = 1);

// Whether a touch gives the guest the whole folio; on others it gives a page.
[[nodiscard]] bool donates_folios(Guest& guest);

// Whether KVM_RUN tells about faults of protected VMs that it cannot resolve.
[[nodiscard]] bool explains_faults(Guest& guest);

// A KVM_RUN that failed for a page. On a kernel that explains faults it has the errno `explained`
// and names the page, on others the errno `bare` and nothing else.
struct Failure {
  int explained;
  int bare;
};
void expect_failure(Guest& guest, const Outcome& outcome, Failure failure, uint64_t page);

// A file of /sys or /proc with another content for as long as this lives.
class Setting {
 public:
  Setting(std::string path, std::string_view value);
  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;
  ~Setting();

 private:
  std::string path_;
  std::string before_;
};

}  // namespace redoubt::suite
