// SPDX-License-Identifier: Apache-2.0
#include "vmm/memory/memory_object.h"

#include <cerrno>
#include <exception>
#include <fstream>
#include <string>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "vmm/base/log.h"
#include "vmm/base/setup_error.h"

namespace redoubt {

namespace {

// So that the kernel can use huge pages for the whole object.
constexpr uint64_t kMappingAlignment = uint64_t{2} << 20;

// Newer than the headers of some distributions we build on.
constexpr unsigned kMfdNoexecSeal = 0x0008;  // MFD_NOEXEC_SEAL, Linux 6.3, uapi/linux/memfd.h
constexpr int kPrSetMemoryMerge = 67;        // Linux 6.4, uapi/linux/prctl.h
constexpr int kPrGetMemoryMerge = 68;

constexpr const char* kThp = "/sys/kernel/mm/transparent_hugepage/";

[[noreturn]] void throw_refused(const char* call, uint64_t size) {
  const std::string what = fmt::format("cannot map {} MiB of guest memory", size >> 20);
  try {
    throw_errno(call);
  } catch (...) {
    std::throw_with_nested(SetupError(
        what, ExitStatus::MemoryRefused,
        "give the guest less memory, or lift the limit in the way: the address space of the "
        "process (ulimit -v) or the host's overcommit policy (vm.overcommit_memory)"));
  }
}

// SAFETY: every call below names a range that this object has mapped itself and that nothing else
// uses; the pointers are for system calls that change the mapping and do not look at its contents.
void* pointer(uintptr_t address) { return reinterpret_cast<void*>(address); }

enum class Unsupported { Fatal, Ignored };

// Returns false if the kernel does not know the advice.
bool advise(uintptr_t start, size_t size, int advice, const char* name, Unsupported unsupported) {
  if (::madvise(pointer(start), size, advice) == 0) return true;
  if (errno == EINVAL && unsupported == Unsupported::Ignored) return false;
  throw_errno(fmt::format("madvise {} on guest memory", name));
}

// Maps `size` bytes at a multiple of kMappingAlignment: more is reserved than needed, and what
// sticks out on either side is given back.
uintptr_t map_aligned(size_t size, int fd) {
  const size_t reserved = size + kMappingAlignment;
  void* const reservation =
      ::mmap(nullptr, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reservation == MAP_FAILED) throw_refused("mmap", size);
  // SAFETY: only the number is used; guest memory is accessed through safe_access.h.
  const auto begin = reinterpret_cast<uintptr_t>(reservation);
  const uintptr_t start = (begin + kMappingAlignment - 1) / kMappingAlignment * kMappingAlignment;
  const int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED;
  if (::mmap(pointer(start), size, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0) ==
      MAP_FAILED) {
    const int saved_errno = errno;
    ::munmap(reservation, reserved);
    errno = saved_errno;
    throw_refused("mmap", size);
  }
  if (start != begin) ::munmap(reservation, start - begin);
  if (begin + reserved != start + size) {
    ::munmap(pointer(start + size), begin + reserved - start - size);
  }
  return start;
}

uint64_t read_number(const std::string& path) {
  uint64_t value = 0;
  std::ifstream(path) >> value;
  return value;
}

// The kernel splits huge pages that are mostly zero, and reads them to find out: a donated page
// among them would be taken from the guest and zeroed. It does not look when max_ptes_none has its
// default, all pages of a huge page but one (mm/huge_memory.c, thp_underused()).
bool underused_hugepages_are_read() {
  const uint64_t hugepage_size = read_number(std::string(kThp) + "hpage_pmd_size");
  if (hugepage_size == 0) return false;  // a kernel without huge pages
  return read_number(std::string(kThp) + "khugepaged/max_ptes_none") !=
         hugepage_size / host_page_size() - 1;
}

void advise_hugepages(uintptr_t start, size_t size, HugepageAdvice advice) {
  const bool dangerous = advice != HugepageAdvice::Never && underused_hugepages_are_read();
  if (advice == HugepageAdvice::Always) {
    if (dangerous) {
      log::warn(
          "memory: huge pages were asked for, but with khugepaged/max_ptes_none below its "
          "default the kernel may take pages away from a protected guest");
    }
    if (!advise(start, size, MADV_HUGEPAGE, "MADV_HUGEPAGE", Unsupported::Ignored)) {
      log::warn("memory: huge pages were asked for, but this kernel has none");
    }
  } else if (advice == HugepageAdvice::Never || dangerous) {
    advise(start, size, MADV_NOHUGEPAGE, "MADV_NOHUGEPAGE", Unsupported::Ignored);
  } else if (advice == HugepageAdvice::Preferred) {
    advise(start, size, MADV_HUGEPAGE, "MADV_HUGEPAGE", Unsupported::Ignored);
  }
}

UniqueFd create_window_file(uint64_t size) {
  constexpr const char* kName = "redoubt-dma-window";
  constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  UniqueFd fd(::memfd_create(kName, kFlags | kMfdNoexecSeal));
  if (!fd.valid() && errno == EINVAL) fd.reset(::memfd_create(kName, kFlags));
  if (!fd.valid()) throw_errno("memfd_create for the DMA window");
  if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) throw_refused("ftruncate", size);
  // Whoever gets the descriptor cannot make our accesses fail by resizing the file.
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    throw_errno("fcntl F_ADD_SEALS on the DMA window");
  }
  return fd;
}

}  // namespace

MemoryObject::MemoryObject(size_t size, UniqueFd fd)
    : fd_(std::move(fd)), start_(map_aligned(size, fd_.get())), size_(size) {}

MemoryObject::MemoryObject(MemoryObject&& other) noexcept
    : fd_(std::move(other.fd_)),
      start_(std::exchange(other.start_, 0)),
      size_(std::exchange(other.size_, 0)) {}

MemoryObject::~MemoryObject() {
  if (size_ != 0) ::munmap(pointer(start_), size_);
}

MemoryObject MemoryObject::private_ram(uint64_t size, HugepageAdvice advice) {
  MemoryObject object(size, UniqueFd());
  advise(object.start_, size, MADV_DONTFORK, "MADV_DONTFORK", Unsupported::Fatal);
  advise(object.start_, size, MADV_DONTDUMP, "MADV_DONTDUMP", Unsupported::Fatal);
  advise(object.start_, size, MADV_UNMERGEABLE, "MADV_UNMERGEABLE", Unsupported::Ignored);
  advise_hugepages(object.start_, size, advice);
  return object;
}

MemoryObject MemoryObject::dma_window(uint64_t size, HugepageAdvice advice) {
  MemoryObject object(size, create_window_file(size));
  advise(object.start_, size, MADV_DONTFORK, "MADV_DONTFORK", Unsupported::Fatal);
  advise(object.start_, size, MADV_DONTDUMP, "MADV_DONTDUMP", Unsupported::Fatal);
  // No danger here: only anonymous huge pages are looked into for being mostly unused.
  if (advice == HugepageAdvice::Preferred) {
    advise(object.start_, size, MADV_HUGEPAGE, "MADV_HUGEPAGE", Unsupported::Ignored);
  }
  return object;
}

void leave_memory_merging() {
  // EINVAL: a kernel that cannot merge, or not that way.
  if (::prctl(kPrGetMemoryMerge, 0, 0, 0, 0) <= 0) return;
  if (::prctl(kPrSetMemoryMerge, 0, 0, 0, 0) != 0) {
    throw_errno("prctl PR_SET_MEMORY_MERGE: cannot keep KSM away from guest memory");
  }
}

uint64_t host_page_size() {
  static const auto size = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

}  // namespace redoubt
