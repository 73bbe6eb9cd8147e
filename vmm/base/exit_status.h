// SPDX-License-Identifier: Apache-2.0
//
// The exit codes of redoubt. They are part of its interface: README.md and the man page list them,
// and a test holds the three together.
#pragma once

#include <string_view>

namespace redoubt {

enum class ExitStatus {
  // The guest decided.
  GuestOff = 0,     // PSCI SYSTEM_OFF
  GuestReset = 32,  // PSCI SYSTEM_RESET with `on_reset: exit`

  // Nothing was started.
  SetupFailed = 1,    // the host refused something; the message names it
  Usage = 2,          // unknown option, missing argument
  BadConfig = 3,      // the configuration file or a --set is wrong
  HostUnfit = 4,      // no KVM, no protected mode, no GICv3: see `redoubt doctor`
  MemoryRefused = 5,  // locked-memory limit or free memory below what the guest needs
  BadPayload = 6,     // the kernel or initrd cannot be booted

  // The guest was stopped by its host.
  GuestPoisoned = 70,     // KVM_RUN EFAULT or EHWPOISON: the host took back a page in use
  MemoryExhausted = 71,   // KVM_RUN ENOMEM: locked-memory limit or kernel memory ran out
  HardwareError = 72,     // SIGBUS BUS_MCEERR: a page of guest memory has failed
  BadBacking = 73,        // KVM_RUN EIO: the memory is not swap-backed
  PageNotDonatable = 74,  // KVM_RUN EPERM, EFAULT with an address: the page cannot be given away
  VcpuFailed = 75,        // the vCPU cannot be run: FAIL_ENTRY, INTERNAL_ERROR, unknown exit

  // Signals, as a shell counts them.
  HungUp = 129,       // SIGHUP
  Interrupted = 130,  // SIGINT, or the console's escape key
  Terminated = 143,   // SIGTERM
};

// One line a user can read, for the table in --help, the man page and the README.
[[nodiscard]] std::string_view describe(ExitStatus status);

}  // namespace redoubt
