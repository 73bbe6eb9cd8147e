// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/io_ring.h"

#include <algorithm>

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/board/suite/support/backing.h"
#include "vmm/base/setup_error.h"

namespace redoubt::suite {
namespace {

void* map(BorrowedFd ring, size_t size, off_t what) {
  void* data =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring.get(), what);
  if (data == MAP_FAILED) throw_errno("mmap of an io_uring");
  return data;
}

}  // namespace

IoRing::IoRing() : fd_(static_cast<int>(::syscall(SYS_io_uring_setup, 1, &parameters_))) {
  if (!fd_.valid()) throw Unavailable("no io_uring on this host, or not for this user");
  const auto& submission = parameters_.sq_off;
  const auto& completion = parameters_.cq_off;
  rings_size_ = std::max(submission.array + parameters_.sq_entries * sizeof(uint32_t),
                         completion.cqes + parameters_.cq_entries * sizeof(io_uring_cqe));
  rings_ = static_cast<std::byte*>(map(fd_, rings_size_, IORING_OFF_SQ_RING));
  entries_ = static_cast<io_uring_sqe*>(map(fd_, sizeof(io_uring_sqe), IORING_OFF_SQES));
}

IoRing::~IoRing() {
  if (entries_ != nullptr) ::munmap(entries_, sizeof(io_uring_sqe));
  if (rings_ != nullptr) ::munmap(rings_, rings_size_);
}

void IoRing::register_buffer(std::byte* data, size_t size) {
  const iovec buffer{data, size};
  if (::syscall(SYS_io_uring_register, fd_.get(), IORING_REGISTER_BUFFERS, &buffer, 1) != 0) {
    throw_errno("IORING_REGISTER_BUFFERS");
  }
}

int IoRing::write(BorrowedFd file, const std::byte* data, size_t size) {
  return request(IORING_OP_WRITE, file, data, size);
}
int IoRing::write_fixed(BorrowedFd file, const std::byte* data, size_t size) {
  return request(IORING_OP_WRITE_FIXED, file, data, size);
}
int IoRing::read_fixed(BorrowedFd file, std::byte* data, size_t size) {
  return request(IORING_OP_READ_FIXED, file, data, size);
}

// SAFETY: an offset that the kernel gave, of a 32-bit word within the rings.
uint32_t& IoRing::word_at(uint32_t offset) const {
  return *reinterpret_cast<uint32_t*>(rings_ + offset);
}

int IoRing::request(uint8_t operation, BorrowedFd file, const std::byte* data, size_t size) {
  io_uring_sqe& entry = entries_[0];
  entry = {};
  entry.opcode = operation;
  entry.fd = file.get();
  // SAFETY: the kernel takes the address as a number.
  entry.addr = reinterpret_cast<uintptr_t>(data);
  entry.len = static_cast<uint32_t>(size);
  word_at(parameters_.sq_off.array) = 0;
  uint32_t& tail = word_at(parameters_.sq_off.tail);
  __atomic_store_n(&tail, tail + 1, __ATOMIC_RELEASE);
  if (::syscall(SYS_io_uring_enter, fd_.get(), 1, 1, IORING_ENTER_GETEVENTS, nullptr, 0) != 1) {
    throw_errno("io_uring_enter");
  }
  uint32_t& head = word_at(parameters_.cq_off.head);
  const uint32_t index = head & word_at(parameters_.cq_off.ring_mask);
  // SAFETY: the table of completions is where the kernel said, and the index within it.
  const auto* completions = reinterpret_cast<io_uring_cqe*>(rings_ + parameters_.cq_off.cqes);
  const int32_t result = completions[index].res;
  __atomic_store_n(&head, head + 1, __ATOMIC_RELEASE);
  return result < 0 ? -result : 0;
}

}  // namespace redoubt::suite
