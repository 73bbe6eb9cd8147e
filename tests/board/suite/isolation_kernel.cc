// SPDX-License-Identifier: Apache-2.0
#include <elf.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/board/suite/isolation_operations.h"
#include "tests/board/suite/support/backing.h"
#include "tests/board/suite/support/donation.h"
#include "tests/board/suite/support/host_state.h"
#include "tests/board/suite/support/ksm.h"
#include "tests/board/suite/support/page_map.h"
#include "tests/board/suite/support/scratch_folder.h"
#include "tests/board/suite/support/zram_disk.h"
#include "vmm/base/setup_error.h"

namespace redoubt::suite {
namespace {

constexpr std::chrono::seconds kPatience{30};

// Does `work` until the kernel's figure has grown: then it has done what the test is about.
template <class Work>
void work_until_grown(const char* figure, Work work) {
  const auto before = vmstat(figure);
  if (!before) throw Unavailable(std::string(figure) + " is not among this kernel's figures");
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (vmstat(figure) == before) {
    if (std::chrono::steady_clock::now() > deadline) {
      throw std::runtime_error(std::string(figure) + " does not grow");
    }
    work();
  }
}

}  // namespace

std::optional<uint64_t> word_in_core(const std::string& path, const std::byte* address) {
  const UniqueFd core(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!core.valid()) throw Unavailable("this host wrote no core to a file");
  Elf64_Ehdr header{};
  if (::pread(core.get(), &header, sizeof header, 0) != sizeof header) {
    throw std::runtime_error("the core is not one");
  }
  for (unsigned index = 0; index < header.e_phnum; ++index) {
    Elf64_Phdr segment{};
    const uint64_t at = header.e_phoff + index * sizeof segment;
    if (::pread(core.get(), &segment, sizeof segment, static_cast<off_t>(at)) != sizeof segment) {
      throw std::runtime_error("the core is cut short");
    }
    // SAFETY: the address as a number.
    const uint64_t offset = reinterpret_cast<uintptr_t>(address) - segment.p_vaddr;
    if (segment.p_type != PT_LOAD || offset >= segment.p_filesz) continue;
    uint64_t word = 0;
    const auto place = static_cast<off_t>(segment.p_offset + offset);
    if (::pread(core.get(), &word, sizeof word, place) == sizeof word) return word;
  }
  return std::nullopt;
}

Sight in_child(const std::function<Sight()>& look) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw_errno("pipe2");
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) throw_errno("fork");
  if (child == 0) {
    const Sight sight = look();
    ::_exit(::write(writer.get(), &sight, sizeof sight) == sizeof sight ? 0 : 1);
  }
  writer.reset();
  int status = 0;
  ::waitpid(child, &status, 0);
  Sight sight;
  if (WIFSIGNALED(status)) {
    sight.access.signal = WTERMSIG(status);
  } else if (::read(reader.get(), &sight, sizeof sight) != sizeof sight) {
    throw std::runtime_error("a child ended without a result");
  }
  return sight;
}

Sight fork_copies(const Page& page) {
  return in_child([&] { return user_load(page); });
}

// Of a child that maps the page: what dumps core has no guest afterwards.
Sight core_dump(const Page& page) {
  const ScratchFolder folder;
  const Setting pattern("/proc/sys/kernel/core_pattern", folder / "core");
  const Setting no_number("/proc/sys/kernel/core_uses_pid", "0");
  in_child([]() -> Sight {
    const rlimit all{RLIM_INFINITY, RLIM_INFINITY};
    ::setrlimit(RLIMIT_CORE, &all);
    std::abort();
  });
  return {.word = word_in_core(folder / "core", page.data)};
}

Sight ksm_scans(const Page& page) {
  mark_mergeable(page.data, page_size());
  let_ksm_scan();
  return {};
}

Sight swap_out(const Page& page) {
  constexpr size_t kSwap = 16 << 20;
  const SwapSpace swap(kSwap);
  // A page beside it that goes, so that this one would.
  const FolioMemory other = FolioMemory::small_pages(page_size());
  other.number_pages();
  work_until_grown("pswpout", [&] {
    empty_page_batches();
    ::madvise(other.data(), other.size(), MADV_PAGEOUT);
  });
  ::madvise(page.data, page_size(), MADV_PAGEOUT);
  return {};
}

Sight compaction(const Page& /*page*/) {
  work_until_grown("compact_migrate_scanned", [] {
    if (!write_file("/proc/sys/vm/compact_memory", "1")) {
      throw Unavailable("compaction of all memory is not for this user");
    }
  });
  return {};
}

// Of the two ends of a list like "0-1" or "0,2": the one that is not `node`.
int another_node(int node) {
  const std::string nodes = read_file("/sys/devices/system/node/has_memory").value_or("0");
  const int first = std::stoi(nodes);
  const size_t at = nodes.find_last_of("-,");
  if (at == std::string::npos) throw Unavailable("all memory of this host is one node");
  return node == first ? std::stoi(nodes.substr(at + 1)) : first;
}

// Where the page is then, or why it cannot be moved: a node or -errno. A negative node asks only.
int move_to_node(std::byte* page, int node) {
  void* address = page;
  int status = -ENODEV;
  const int* target = node < 0 ? nullptr : &node;
  if (::syscall(SYS_move_pages, 0, 1ul, &address, target, &status, MPOL_MF_MOVE) < 0) {
    throw_errno("move_pages");
  }
  return status;
}

Sight move_to_another_node(const Page& page) {
  // A page beside it that goes, so that this one would.
  const Backing other = Backing::anonymous(page_size());
  other.write_word(0, kOther);
  const int target = another_node(move_to_node(page.data, -1));
  move_to_node(other.data(), another_node(target));
  if (move_to_node(other.data(), target) != target) {
    throw std::runtime_error("pages do not move to another node");
  }
  move_to_node(page.data, target);
  return {};
}

Sight numa_balancing(const Page& /*page*/) {
  const Setting on("/proc/sys/kernel/numa_balancing", "1");
  const FolioMemory other = FolioMemory::small_pages(64 * page_size());
  // The kernel leaves processes of one thread alone where their memory is near.
  const std::jthread second([](const std::stop_token& over) {
    while (!over.stop_requested()) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  });
  // It looks when a process has worked for a while, and its work is what meets the faults.
  work_until_grown("numa_hint_faults", [&] { other.number_pages(); });
  return {};
}

}  // namespace redoubt::suite
