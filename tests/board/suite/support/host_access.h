// SPDX-License-Identifier: Apache-2.0
//
// Accesses of the host to memory that may belong to a guest, each with what came of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>

#include <sys/types.h>

namespace redoubt::suite {

// What a load or store met: no signal, or the one that stopped it.
struct HostAccess {
  int signal = 0;                 // 0: it went through
  int code = 0;                   // si_code
  const void* address = nullptr;  // si_addr
  uint8_t value = 0;              // what a load found

  [[nodiscard]] bool went_through() const { return signal == 0; }
};
std::ostream& operator<<(std::ostream& out, const HostAccess& access);

// One byte, by an ordinary instruction, with SIGSEGV and SIGBUS caught for its length. Not for use
// by two threads at once: the handlers belong to the process.
[[nodiscard]] HostAccess host_load(const std::byte* address);
[[nodiscard]] HostAccess host_store(std::byte* address, uint8_t value);
// Calls the code there, a function without arguments; the value is what it returned. The address is
// to be mapped as executable, and the instructions to be visible to instruction fetch.
[[nodiscard]] HostAccess host_call(const std::byte* code);

// process_vm_readv(2) of the word at `address` of a process, this one or another: through the
// kernel, which takes a page that a guest holds away from it. What the call returned.
[[nodiscard]] ssize_t read_through_kernel(pid_t pid, uintptr_t address, uint64_t* word);
[[nodiscard]] ssize_t read_through_kernel(const std::byte* address, uint64_t* word);

// write(2) of `size` bytes from `address` into a pipe; 0, or its errno.
[[nodiscard]] int write_to_pipe_from(const std::byte* address, size_t size);
// read(2) of `size` bytes from a pipe to `address`; 0, or its errno.
[[nodiscard]] int read_from_pipe_to(std::byte* address, size_t size);

}  // namespace redoubt::suite
