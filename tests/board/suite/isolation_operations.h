// SPDX-License-Identifier: Apache-2.0
//
// What a host can do with a page of a guest, each way on its own: the rows of the access matrix.
// All of them look at, or change, the 64-bit word at the start of the page. They throw Unavailable
// where this host cannot do it, and leave the host's settings as they were.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include <sys/types.h>

#include "tests/board/suite/support/host_access.h"
#include "vmm/base/unique_fd.h"

namespace redoubt::suite {

// In the page before an operation. It is also two instructions of arm64, mov w0, #0x5ec7 and ret.
inline constexpr uint64_t kWord = 0xd65f'03c0'528b'd8e0;
// What operations put there that change it: another first byte, which is all that a store changes.
inline constexpr uint64_t kOther = kWord ^ 0xff;

struct Page {
  pid_t pid;        // of the process that has it; operations of the VMM itself need it to be theirs
  std::byte* data;  // its address there
  BorrowedFd memfd;  // what is mapped there, where that is a memfd
};

// What came of an operation.
struct Sight {
  HostAccess access{};             // of an instruction that met a signal
  int error = 0;                   // of a system call that failed
  std::optional<uint64_t> word{};  // what was found in the page, if the operation looks there
};

// Runs `look` in a child process and returns what it returned.
Sight in_child(const std::function<Sight()>& look);

// What a core file has at an address of the process; nothing where it leaves the address out.
std::optional<uint64_t> word_in_core(const std::string& path, const std::byte* address);

// By instructions of the VMM: isolation_accesses.cc, as the next two groups.
Sight user_load(const Page& page);
Sight user_store(const Page& page);
Sight user_execute(const Page& page);

// By system calls of the VMM that copy from or to a user address.
Sight write_to_file(const Page& page);
Sight read_from_file(const Page& page);
Sight writev_to_file(const Page& page);
Sight readv_from_file(const Page& page);
Sight write_to_pipe(const Page& page);
Sight read_from_pipe(const Page& page);
Sight send_to_socket(const Page& page);
Sight receive_from_socket(const Page& page);
Sight write_by_io_uring(const Page& page);

// By system calls that take hold of the page, and copy later or have a device do it.
Sight write_by_io_uring_buffer(const Page& page);
Sight read_by_io_uring_buffer(const Page& page);
Sight send_without_copy(const Page& page);
Sight vmsplice_to_pipe(const Page& page);
Sight read_of_memfd(const Page& page);
Sight write_to_memfd(const Page& page);
Sight sendfile_of_memfd(const Page& page);
Sight direct_write_to_copying_disk(const Page& page);  // isolation_disks.cc, with the next three
Sight direct_read_from_copying_disk(const Page& page);
Sight direct_write_to_dma_disk(const Page& page);
Sight direct_read_from_dma_disk(const Page& page);

// By another process that may look into this one: isolation_outside.cc, with the next group.
Sight read_by_process_vm(const Page& page);
Sight write_by_process_vm(const Page& page);
Sight peek_by_ptrace(const Page& page);
Sight poke_by_ptrace(const Page& page);
Sight read_of_proc_mem(const Page& page);
Sight write_to_proc_mem(const Page& page);
Sight read_of_kcore(const Page& page);

// By what the kernel does with memory of its own accord: isolation_kernel.cc.
Sight fork_copies(const Page& page);
Sight core_dump(const Page& page);
Sight ksm_scans(const Page& page);
Sight swap_out(const Page& page);
Sight compaction(const Page& page);
Sight move_to_another_node(const Page& page);
Sight numa_balancing(const Page& page);

}  // namespace redoubt::suite
