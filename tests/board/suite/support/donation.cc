// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/donation.h"

#include <algorithm>
#include <cstring>
#include <ostream>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/board/suite/support/host_state.h"
#include "vmm/base/setup_error.h"

namespace redoubt::suite {
namespace {

const std::string kHugePages = "/sys/kernel/mm/transparent_hugepage/";
constexpr size_t kFolio64 = 64 << 10;

uint64_t number_in(const std::string& path) {
  const auto text = read_file(path);
  if (!text) throw Unavailable(path + ": not on this host");
  return std::stoull(*text);
}

void advise(const FolioMemory& memory, int advice) {
  if (::madvise(memory.data(), memory.size(), advice) != 0) {
    throw Unavailable("this host has no transparent huge pages");
  }
}

// The sum of a figure of /proc/self/smaps over the mapping that starts at `address`, in bytes.
uint64_t mapping_figure(const std::byte* address, const std::string& name) {
  std::array<char, 32> start{};
  // SAFETY: the address is only printed.
  std::snprintf(start.data(), start.size(), "%lx-", reinterpret_cast<uintptr_t>(address));
  const std::string smaps = read_file("/proc/self/smaps").value_or("");
  const size_t mapping = smaps.find("\n" + std::string(start.data()));
  const size_t figure = smaps.find("\n" + name + ":", mapping);
  if (mapping == std::string::npos || figure == std::string::npos) return 0;
  return std::stoull(smaps.substr(figure + name.size() + 2)) * 1024;
}

}  // namespace

FolioMemory FolioMemory::map(size_t size, int flags, int fd) {
  const size_t around = size + 2 * kHugePage;
  void* area = ::mmap(nullptr, around, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (area == MAP_FAILED) throw_errno("mmap");
  // SAFETY: arithmetic within the area, all of which stays this object's.
  const auto base = reinterpret_cast<uintptr_t>(area);
  std::byte* data = static_cast<std::byte*>(area) + (kHugePage - base % kHugePage);
  if (::mmap(data, size, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0) == MAP_FAILED) {
    throw_errno("mmap of test memory");
  }
  FolioMemory memory(data, size);
  ::madvise(data, size, MADV_DONTFORK);
  return memory;
}

FolioMemory FolioMemory::small_pages(size_t size) {
  FolioMemory memory = map(size, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  advise(memory, MADV_NOHUGEPAGE);
  std::memset(memory.data(), 0, size);
  return memory;
}

FolioMemory FolioMemory::huge_pages(size_t size) {
  FolioMemory memory = map(size, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  advise(memory, MADV_HUGEPAGE);
  std::memset(memory.data(), 0, size);
  if (mapping_figure(memory.data(), "AnonHugePages") != size) {
    throw Unavailable("the host had no transparent huge pages to give");
  }
  return memory;
}

FolioMemory FolioMemory::folios_of_64_kib(size_t size) {
  const Setting huge(kHugePages + "hugepages-2048kB/enabled", "never");
  const Setting middle(kHugePages + "hugepages-64kB/enabled", "madvise");
  const std::string allocated = kHugePages + "hugepages-64kB/stats/anon_fault_alloc";
  FolioMemory memory = map(size, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  advise(memory, MADV_HUGEPAGE);
  const uint64_t before = number_in(allocated);
  std::memset(memory.data(), 0, size);
  if (number_in(allocated) - before != size / kFolio64) {
    throw Unavailable("the host had no folios of 64 KiB to give");
  }
  return memory;
}

FolioMemory FolioMemory::shared_huge_pages(size_t size) {
  const Setting huge(kHugePages + "shmem_enabled", "advise");
  const UniqueFd fd(::memfd_create("donate", MFD_CLOEXEC));
  if (!fd.valid() || ::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) throw_errno("memfd");
  FolioMemory memory = map(size, MAP_SHARED, fd.get());
  advise(memory, MADV_HUGEPAGE);
  std::memset(memory.data(), 0, size);
  if (mapping_figure(memory.data(), "ShmemPmdMapped") != size) {
    throw Unavailable("the host had no huge pages to give to a memfd");
  }
  return memory;
}

FolioMemory::FolioMemory(FolioMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(other.size_) {}

FolioMemory::~FolioMemory() {
  // The rest of the area is address space without memory; it ends with the test's process.
  if (data_ != nullptr) ::munmap(data_, size_);
}

void FolioMemory::number_pages() const {
  for (size_t index = 0; index < size_ / page_size(); ++index) {
    const uint64_t number = number_of(index);
    std::memcpy(page(index), &number, sizeof number);
  }
}

void back(Guest& guest, uint32_t slot, uint64_t ipa, const std::byte* data, size_t size) {
  kvm_userspace_memory_region region{};
  region.slot = slot;
  region.guest_phys_addr = ipa;
  region.memory_size = size;
  // SAFETY: KVM keeps the address as a number; the test keeps the memory alive as long as the VM.
  region.userspace_addr = reinterpret_cast<uintptr_t>(data);
  if (::ioctl(guest.vm().fd().get(), KVM_SET_USER_MEMORY_REGION, &region) != 0) {
    throw_errno("memslot of test memory");
  }
}

std::optional<uint64_t> statistic(BorrowedFd vm_or_vcpu, std::string_view name) {
  const UniqueFd fd(::ioctl(vm_or_vcpu.get(), KVM_GET_STATS_FD, 0));
  if (!fd.valid()) throw_errno("KVM_GET_STATS_FD");
  kvm_stats_header header{};
  if (::pread(fd.get(), &header, sizeof header, 0) != sizeof header) throw_errno("KVM statistics");
  const size_t size = sizeof(kvm_stats_desc) + header.name_size;
  std::vector<std::byte> described(size * header.num_desc);
  const auto length = static_cast<ssize_t>(described.size());
  if (::pread(fd.get(), described.data(), described.size(), header.desc_offset) != length) {
    throw_errno("KVM statistics");
  }
  for (size_t at = 0; at < described.size(); at += size) {
    kvm_stats_desc description{};
    std::memcpy(&description, &described[at], sizeof description);
    std::string text(header.name_size, '\0');
    std::memcpy(text.data(), &described[at + sizeof description], text.size());
    if (std::string_view(text.c_str()) != name) continue;
    uint64_t value = 0;
    if (::pread(fd.get(), &value, sizeof value, header.data_offset + description.offset) !=
        sizeof value) {
      throw_errno("KVM statistics");
    }
    return value;
  }
  return std::nullopt;
}

Counters Counters::since(const Counters& before) const {
  return {faults - before.faults, calls - before.calls, donated - before.donated,
          shared - before.shared, poisoned - before.poisoned};
}

std::ostream& operator<<(std::ostream& out, const Counters& counters) {
  return out << counters.faults << " faults, " << counters.calls << " calls, " << counters.donated
             << " donated, " << counters.shared << " shared, " << counters.poisoned << " poisoned";
}

Counters counters(Guest& guest, unsigned vcpus) {
  const auto of_vm = [&](const char* name) {
    const auto value = statistic(guest.vm().fd(), name);
    if (!value) throw Unavailable("this kernel donates page by page and does not count it");
    return *value;
  };
  Counters all{0, of_vm("pkvm_donate_calls"), of_vm("pkvm_donated_pages"),
               of_vm("pkvm_shared_pages"), of_vm("pkvm_poisoned_pages")};
  for (unsigned index = 0; index < vcpus; ++index) {
    all.faults += statistic(guest.vcpu(index).fd(), "pkvm_mem_faults").value_or(0);
  }
  return all;
}

bool donates_folios(Guest& guest) {
  return statistic(guest.vm().fd(), "pkvm_donate_calls").has_value();
}

bool explains_faults(Guest& guest) {
  return guest.vm().check_extension(KVM_CAP_MEMORY_FAULT_INFO) > 0;
}

void expect_failure(Guest& guest, const Outcome& outcome, Failure failure, uint64_t page) {
  if (!explains_faults(guest)) {
    EXPECT_EQ(outcome, run_error(failure.bare));
    return;
  }
  EXPECT_EQ(outcome.error, failure.explained) << outcome;
  EXPECT_EQ(outcome.exit_reason, uint32_t{KVM_EXIT_MEMORY_FAULT}) << outcome;
  const auto& fault = guest.vcpu().state().memory_fault;
  EXPECT_EQ(fault.gpa, page);
  EXPECT_EQ(fault.size, page_size());
  EXPECT_EQ(fault.flags, uint64_t{KVM_MEMORY_EXIT_FLAG_PRIVATE});
}

Setting::Setting(std::string path, std::string_view value) : path_(std::move(path)) {
  const auto text = read_file(path_);
  if (!text) throw Unavailable(path_ + ": not on this host");
  before_ = *text;
  // A file with a choice shows all of it, with what is chosen in brackets.
  const size_t open = before_.find('[');
  if (open != std::string::npos) {
    before_ = before_.substr(open + 1, before_.find(']') - open - 1);
  }
  if (!write_file(path_, value)) throw Unavailable(path_ + " cannot be changed");
}

Setting::~Setting() { write_file(path_, before_); }

}  // namespace redoubt::suite
