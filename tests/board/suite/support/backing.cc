// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/backing.h"

#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "tests/board/suite/support/host_state.h"
#include "vmm/base/setup_error.h"

namespace redoubt::suite {
namespace {

constexpr long kTmpfsMagic = 0x01021994;

UniqueFd make_memfd(size_t size, unsigned flags) {
  UniqueFd fd(::memfd_create("contract", MFD_CLOEXEC | flags));
  if (!fd.valid()) throw_errno("memfd_create");
  if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) {
    throw_errno("ftruncate of a memfd");
  }
  return fd;
}

// A hugetlb page that is there to be mapped. What is mapped when this ends stays; the host has its
// setting back at once and the page when it is unmapped, whoever does that.
class HugePageReserve {
 public:
  HugePageReserve() : before_(read_file(kSetting)) {
    const auto kilobytes = meminfo("Hugepagesize");
    if (!kilobytes) throw Unavailable("this host has no hugetlb pages (CONFIG_HUGETLBFS)");
    size_ = *kilobytes * 1024;
    // Compaction may take more than one request to come up with a page.
    for (int attempt = 0; attempt < 3 && meminfo("HugePages_Free") == 0; ++attempt) {
      const auto total = meminfo("HugePages_Total").value_or(0);
      write_file(kSetting, std::to_string(total + 1));
    }
    if (meminfo("HugePages_Free").value_or(0) == 0) {
      put_back();
      throw Unavailable("no hugetlb page to be had: raise vm.nr_hugepages");
    }
  }
  ~HugePageReserve() { put_back(); }
  HugePageReserve(const HugePageReserve&) = delete;
  HugePageReserve& operator=(const HugePageReserve&) = delete;

  [[nodiscard]] size_t size() const { return size_; }

 private:
  static constexpr const char* kSetting = "/proc/sys/vm/nr_hugepages";

  void put_back() const {
    if (before_) write_file(kSetting, *before_);
  }

  std::optional<std::string> before_;
  size_t size_ = 0;
};

}  // namespace

size_t page_size() {
  static const auto size = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

Backing Backing::map(size_t size, int protection, int flags, int fd) {
  void* data = ::mmap(nullptr, size, protection, flags, fd, 0);
  if (data == MAP_FAILED) throw_errno("mmap");
  return Backing(static_cast<std::byte*>(data), size);
}

Backing Backing::anonymous(size_t size) {
  return map(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

Backing Backing::anonymous_read_only(size_t size) {
  return map(size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

Backing Backing::anonymous_executable(size_t size) {
  return map(size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

Backing Backing::shared_anonymous(size_t size) {
  return map(size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
}

Backing Backing::memfd(size_t size) { return of_memfd(make_memfd(size, 0), size); }

Backing Backing::of_memfd(BorrowedFd memfd, size_t size) {
  return map(size, PROT_READ | PROT_WRITE, MAP_SHARED, memfd.get());
}

Backing Backing::tmpfs_file(size_t size) {
  for (const char* directory : {"/dev/shm", "/tmp", "/run"}) {
    struct statfs filesystem;
    if (::statfs(directory, &filesystem) != 0 || filesystem.f_type != kTmpfsMagic) continue;
    const UniqueFd fd(::open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!fd.valid() || ::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) continue;
    return map(size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get());
  }
  throw Unavailable("no writable tmpfs at /dev/shm, /tmp or /run");
}

Backing Backing::hugetlb_anonymous() {
  const HugePageReserve reserve;
  return map(reserve.size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1);
}

Backing Backing::hugetlb_memfd() {
  const HugePageReserve reserve;
  const UniqueFd fd = make_memfd(reserve.size(), MFD_HUGETLB);
  return map(reserve.size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get());
}

Backing Backing::transparent_huge_page() {
  const auto text = read_file("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size");
  if (!text) throw Unavailable("this host has no transparent huge pages");
  const size_t size = std::stoul(*text);

  // SAFETY: only arithmetic on the address; the range between is this mapping's own.
  Backing wide = map(2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  const size_t below = size - reinterpret_cast<uintptr_t>(wide.data_) % size;
  ::munmap(wide.data_, below);
  ::munmap(wide.data_ + below + size, size - below);
  Backing huge(std::exchange(wide.data_, nullptr) + below, size);

  if (::madvise(huge.data_, size, MADV_HUGEPAGE) != 0) {
    throw Unavailable("this host refuses MADV_HUGEPAGE");
  }
  std::memset(huge.data_, 0, size);
  if (anonymous_huge_bytes(huge.data_) != size) {
    throw Unavailable("the host had no transparent huge page to give");
  }
  return huge;
}

Backing::Backing(Backing&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(other.size_) {}

Backing::~Backing() { unmap(); }

void Backing::unmap() {
  if (data_ != nullptr) ::munmap(std::exchange(data_, nullptr), size_);
}

void Backing::write_word(size_t page_index, uint64_t value) const {
  std::memcpy(page(page_index), &value, sizeof value);
}

uint64_t Backing::read_word(size_t page_index) const {
  uint64_t value;
  std::memcpy(&value, page(page_index), sizeof value);
  return value;
}

void Backing::keep_out_of_children() const {
  if (::madvise(data_, size_, MADV_DONTFORK) != 0) {
    throw_errno("madvise(MADV_DONTFORK)");
  }
}

}  // namespace redoubt::suite
