// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "tests/board/suite/isolation_operations.h"
#include "tests/board/suite/support/backing.h"
#include "tests/board/suite/support/zram_disk.h"
#include "vmm/base/setup_error.h"

namespace redoubt::suite {
namespace {

constexpr size_t kDiskSize = 1 << 20;

UniqueFd open_direct(const std::string& disk) {
  UniqueFd fd(::open(disk.c_str(), O_RDWR | O_DIRECT | O_CLOEXEC));
  if (!fd.valid()) throw_errno(disk);
  return fd;
}

void expect_whole(ssize_t moved) {
  if (moved == static_cast<ssize_t>(page_size())) return;
  throw_errno("direct I/O to memory of the test's own");
}

// By way of a page of the test's own.
uint64_t word_on(BorrowedFd disk) {
  const Backing page = Backing::anonymous(page_size());
  expect_whole(::pread(disk.get(), page.data(), page.size(), 0));
  return page.read_word(0);
}

void put_on(BorrowedFd disk, uint64_t word) {
  const Backing page = Backing::anonymous(page_size());
  page.write_word(0, word);
  expect_whole(::pwrite(disk.get(), page.data(), page.size(), 0));
}

Sight direct_write(const std::string& path, const Page& page) {
  const UniqueFd disk = open_direct(path);
  put_on(disk, kOther);
  if (::pwrite(disk.get(), page.data, page_size(), 0) < 0) return {.error = errno};
  return {.word = word_on(disk)};
}

Sight direct_read(const std::string& path, const Page& page) {
  const UniqueFd disk = open_direct(path);
  put_on(disk, kOther);
  return {.error = ::pread(disk.get(), page.data, page_size(), 0) < 0 ? errno : 0};
}

// A disk that may be written, and whose device gets at memory without the processor.
std::string dma_disk() {
  const char* disk = std::getenv("REDOUBT_SCRATCH_DISK");
  if (disk == nullptr || *disk == '\0') {
    throw Unavailable("REDOUBT_SCRATCH_DISK names no disk that may be overwritten");
  }
  return disk;
}

}  // namespace

Sight direct_write_to_copying_disk(const Page& page) {
  const ZramDisk disk(kDiskSize);
  return direct_write(disk.path(), page);
}

Sight direct_read_from_copying_disk(const Page& page) {
  const ZramDisk disk(kDiskSize);
  return direct_read(disk.path(), page);
}

Sight direct_write_to_dma_disk(const Page& page) { return direct_write(dma_disk(), page); }

Sight direct_read_from_dma_disk(const Page& page) { return direct_read(dma_disk(), page); }

}  // namespace redoubt::suite
