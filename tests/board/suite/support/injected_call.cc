// SPDX-License-Identifier: Apache-2.0
#include "tests/board/suite/support/injected_call.h"

#include <cerrno>

#include <asm/ptrace.h>
#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "vmm/base/setup_error.h"

namespace redoubt::suite {

namespace {

constexpr uint64_t kInstructionSize = 4;

void check(long result, const char* what) {
  if (result < 0) throw_errno(what);
}

// Lets the process go on whatever happens.
class Tracee {
 public:
  explicit Tracee(pid_t pid) : pid_(pid) {
    check(::ptrace(PTRACE_SEIZE, pid, nullptr, nullptr), "PTRACE_SEIZE");
    check(::ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr), "PTRACE_INTERRUPT");
    wait();
  }
  ~Tracee() { ::ptrace(PTRACE_DETACH, pid_, nullptr, nullptr); }
  Tracee(const Tracee&) = delete;
  Tracee& operator=(const Tracee&) = delete;

  [[nodiscard]] user_pt_regs registers() const {
    user_pt_regs registers{};
    iovec where{&registers, sizeof(registers)};
    check(::ptrace(PTRACE_GETREGSET, pid_, NT_PRSTATUS, &where), "PTRACE_GETREGSET");
    return registers;
  }
  void set_registers(user_pt_regs registers) const {
    iovec where{&registers, sizeof(registers)};
    check(::ptrace(PTRACE_SETREGSET, pid_, NT_PRSTATUS, &where), "PTRACE_SETREGSET");
  }
  void step() const {
    check(::ptrace(PTRACE_SINGLESTEP, pid_, nullptr, nullptr), "PTRACE_SINGLESTEP");
    wait();
  }

 private:
  void wait() const { check(::waitpid(pid_, nullptr, __WALL), "waitpid"); }

  pid_t pid_;
};

}  // namespace

int64_t call_in(pid_t pid, long number, const std::array<uint64_t, 6>& arguments) {
  const Tracee tracee(pid);
  const user_pt_regs saved = tracee.registers();
  // It was stopped on its way out of a system call: the instruction before the PC is an SVC.
  user_pt_regs registers = saved;
  registers.pc = saved.pc - kInstructionSize;
  registers.regs[8] = static_cast<uint64_t>(number);
  for (size_t i = 0; i < arguments.size(); ++i) registers.regs[i] = arguments[i];
  tracee.set_registers(registers);
  tracee.step();
  const auto result = static_cast<int64_t>(tracee.registers().regs[0]);

  registers = saved;
  registers.regs[0] = static_cast<uint64_t>(-EINTR);
  tracee.set_registers(registers);
  return result;
}

}  // namespace redoubt::suite
