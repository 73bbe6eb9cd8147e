// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/host_access.h"

#include <cerrno>
#include <csetjmp>
#include <csignal>
#include <ostream>
#include <vector>

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "vmm/base/setup_error.h"
#include "vmm/base/unique_fd.h"

namespace redoubt::suite {
namespace {

sigjmp_buf g_before_access;
volatile int g_signal;
volatile int g_code;
const void* volatile g_address;

void note_and_leave(int signal, siginfo_t* info, void* /*context*/) {
  g_signal = signal;
  g_code = info->si_code;
  g_address = info->si_addr;
  siglongjmp(g_before_access, 1);
}

class FaultCatcher {
 public:
  FaultCatcher() {
    struct sigaction action {};
    action.sa_sigaction = note_and_leave;
    action.sa_flags = SA_SIGINFO;
    ::sigaction(SIGSEGV, &action, &old_segv_);
    ::sigaction(SIGBUS, &action, &old_bus_);
  }
  FaultCatcher(const FaultCatcher&) = delete;
  FaultCatcher& operator=(const FaultCatcher&) = delete;
  ~FaultCatcher() {
    ::sigaction(SIGSEGV, &old_segv_, nullptr);
    ::sigaction(SIGBUS, &old_bus_, nullptr);
  }

 private:
  struct sigaction old_segv_ {};
  struct sigaction old_bus_ {};
};

struct Pipe {
  UniqueFd reader;
  UniqueFd writer;

  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
      throw_errno("pipe2");
    }
    reader.reset(ends[0]);
    writer.reset(ends[1]);
  }
};

}  // namespace

std::ostream& operator<<(std::ostream& out, const HostAccess& access) {
  if (access.went_through()) return out << "went through, value " << int{access.value};
  return out << "signal " << access.signal << ", si_code " << access.code << ", si_addr "
             << access.address;
}

// SAFETY (all): the address may fault; the handler then jumps back here, and nothing that the jump
// skips has a destructor, for the catcher stands outside it.
HostAccess host_load(const std::byte* address) {
  const FaultCatcher catcher;
  if (sigsetjmp(g_before_access, 1) != 0) return {g_signal, g_code, g_address, 0};
  const auto value = *static_cast<const volatile std::byte*>(address);
  return {0, 0, nullptr, std::to_integer<uint8_t>(value)};
}

HostAccess host_store(std::byte* address, uint8_t value) {
  const FaultCatcher catcher;
  if (sigsetjmp(g_before_access, 1) != 0) return {g_signal, g_code, g_address, 0};
  *static_cast<volatile std::byte*>(address) = std::byte{value};
  return {};
}

HostAccess host_call(const std::byte* code) {
  const FaultCatcher catcher;
  if (sigsetjmp(g_before_access, 1) != 0) return {g_signal, g_code, g_address, 0};
  // SAFETY: the caller says that there is such a function.
  return {0, 0, nullptr, reinterpret_cast<uint8_t (*)()>(reinterpret_cast<uintptr_t>(code))()};
}

ssize_t read_through_kernel(pid_t pid, uintptr_t address, uint64_t* word) {
  iovec local{word, sizeof *word};
  // SAFETY: an address for the kernel, which checks it.
  iovec remote{reinterpret_cast<void*>(address), sizeof *word};
  return ::process_vm_readv(pid, &local, 1, &remote, 1, 0);
}

ssize_t read_through_kernel(const std::byte* address, uint64_t* word) {
  // SAFETY: the address as the number that it is.
  return read_through_kernel(::getpid(), reinterpret_cast<uintptr_t>(address), word);
}

int write_to_pipe_from(const std::byte* address, size_t size) {
  const Pipe pipe;
  return ::write(pipe.writer.get(), address, size) < 0 ? errno : 0;
}

int read_from_pipe_to(std::byte* address, size_t size) {
  const Pipe pipe;
  const std::vector<char> filling(size, 'x');
  if (::write(pipe.writer.get(), filling.data(), size) < 0) {
    throw_errno("write to a pipe");
  }
  return ::read(pipe.reader.get(), address, size) < 0 ? errno : 0;
}

}  // namespace redoubt::suite
