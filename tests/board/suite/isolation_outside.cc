// SPDX-License-Identifier: Apache-2.0
#include <elf.h>

#include <cerrno>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/board/suite/isolation_operations.h"
#include "tests/board/suite/support/backing.h"
#include "tests/board/suite/support/page_map.h"

namespace redoubt::suite {
namespace {

constexpr size_t kSize = sizeof kWord;

// SAFETY: the address as the number that it is in its process.
uintptr_t address_of(const Page& page) { return reinterpret_cast<uintptr_t>(page.data); }

// A process cannot trace itself, so a child does. It is done when the process runs again.
Sight traced(const Page& page, Sight (*look)(const Page&)) {
  return in_child([&]() -> Sight {
    if (::ptrace(PTRACE_SEIZE, page.pid, nullptr, nullptr) != 0 ||
        ::ptrace(PTRACE_INTERRUPT, page.pid, nullptr, nullptr) != 0 ||
        ::waitpid(page.pid, nullptr, __WALL) != page.pid) {
      return {.error = EPERM};
    }
    const Sight sight = look(page);
    ::ptrace(PTRACE_DETACH, page.pid, nullptr, nullptr);
    return sight;
  });
}

UniqueFd open_memory(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/mem";
  UniqueFd memory(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!memory.valid()) throw Unavailable(path + ": not for this user");
  return memory;
}

// Where a physical page is in the image that /proc/kcore is: by the header that says so.
off_t place_in_kcore(BorrowedFd kcore, uint64_t physical) {
  Elf64_Ehdr header{};
  if (::pread(kcore.get(), &header, sizeof header, 0) != sizeof header) {
    throw Unavailable("/proc/kcore cannot be read");
  }
  std::vector<Elf64_Phdr> segments(header.e_phnum);
  const size_t size = segments.size() * sizeof(Elf64_Phdr);
  if (::pread(kcore.get(), segments.data(), size, static_cast<off_t>(header.e_phoff)) !=
      static_cast<ssize_t>(size)) {
    throw Unavailable("the segments of /proc/kcore cannot be read");
  }
  for (const Elf64_Phdr& segment : segments) {
    if (segment.p_type != PT_LOAD || physical < segment.p_paddr) continue;
    const uint64_t offset = physical - segment.p_paddr;
    if (offset < segment.p_memsz) return static_cast<off_t>(segment.p_offset + offset);
  }
  throw Unavailable("/proc/kcore does not say where physical memory is");
}

}  // namespace

Sight read_by_process_vm(const Page& page) {
  uint64_t word = 0;
  if (read_through_kernel(page.pid, address_of(page), &word) < 0) return {.error = errno};
  return {.word = word};
}

Sight write_by_process_vm(const Page& page) {
  uint64_t word = kOther;
  const iovec local{&word, kSize};
  const iovec remote{page.data, kSize};
  return {.error = ::process_vm_writev(page.pid, &local, 1, &remote, 1, 0) < 0 ? errno : 0};
}

Sight peek_by_ptrace(const Page& page) {
  return traced(page, [](const Page& there) -> Sight {
    errno = 0;
    const long word = ::ptrace(PTRACE_PEEKDATA, there.pid, there.data, nullptr);
    if (errno != 0) return {.error = errno};
    return {.word = static_cast<uint64_t>(word)};
  });
}

Sight poke_by_ptrace(const Page& page) {
  return traced(page, [](const Page& there) -> Sight {
    const long result = ::ptrace(PTRACE_POKEDATA, there.pid, there.data, kOther);
    return {.error = result < 0 ? errno : 0};
  });
}

Sight read_of_proc_mem(const Page& page) {
  uint64_t word = 0;
  const auto at = static_cast<off_t>(address_of(page));
  if (::pread(open_memory(page.pid).get(), &word, kSize, at) < 0) return {.error = errno};
  return {.word = word};
}

Sight write_to_proc_mem(const Page& page) {
  const auto at = static_cast<off_t>(address_of(page));
  return {.error = ::pwrite(open_memory(page.pid).get(), &kOther, kSize, at) < 0 ? errno : 0};
}

Sight read_of_kcore(const Page& page) {
  const PageState state = page_state(page.pid, address_of(page));
  if (!state.present) throw Unavailable("no page is there yet");
  const UniqueFd kcore(::open("/proc/kcore", O_RDONLY | O_CLOEXEC));
  if (!kcore.valid()) throw Unavailable("no /proc/kcore, or not for this user");
  uint64_t word = ~uint64_t{0};
  const off_t place = place_in_kcore(kcore, state.frame * page_size());
  if (::pread(kcore.get(), &word, kSize, place) < 0) return {.error = errno};
  return {.word = word};
}

}  // namespace redoubt::suite
