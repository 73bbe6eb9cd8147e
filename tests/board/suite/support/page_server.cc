// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/page_server.h"

#include <cstddef>
#include <cstring>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/base/setup_error.h"

namespace redoubt::suite {

PageServer::PageServer(const FolioMemory& memory)
    : fd_(static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC))) {
  uffdio_api api{};
  api.api = UFFD_API;
  if (!fd_.valid() || ::ioctl(fd_.get(), UFFDIO_API, &api) != 0) {
    throw Unavailable("this host has no userfaultfd, or not for this user");
  }
  uffdio_register range{};
  // SAFETY: the kernel is told which addresses are meant; the memory outlives this object.
  range.range = {reinterpret_cast<uintptr_t>(memory.data()), memory.size()};
  range.mode = UFFDIO_REGISTER_MODE_MISSING;
  if (::madvise(memory.data(), memory.size(), MADV_DONTNEED) != 0 ||
      ::ioctl(fd_.get(), UFFDIO_REGISTER, &range) != 0) {
    throw_errno("userfaultfd");
  }
}

void PageServer::serve_one(uint64_t word) const {
  uffd_msg message{};
  ASSERT_EQ(::read(fd_.get(), &message, sizeof message), ssize_t{sizeof message});
  ASSERT_EQ(message.event, UFFD_EVENT_PAGEFAULT);
  alignas(4096) static std::byte page[4096];
  std::memcpy(page, &word, sizeof word);
  uffdio_copy copy{};
  copy.dst = message.arg.pagefault.address & ~uint64_t{4095};
  // SAFETY: the kernel reads the page during the call.
  copy.src = reinterpret_cast<uintptr_t>(page);
  copy.len = sizeof page;
  ASSERT_EQ(::ioctl(fd_.get(), UFFDIO_COPY, &copy), 0);
}

}  // namespace redoubt::suite
