// SPDX-License-Identifier: Apache-2.0
//
// What a failure of memory looks like to a process. The kernel lets a process send itself a signal
// with any code, so no memory has to fail for it.
#pragma once

#include <csignal>
#include <cstdint>

#include <sys/syscall.h>
#include <unistd.h>

namespace redoubt {

// `code` is BUS_MCEERR_AR or BUS_MCEERR_AO. Delivered to the calling thread before this returns.
inline void send_hardware_error(uint64_t host_address, int code) {
  siginfo_t info = {};
  info.si_signo = SIGBUS;
  info.si_code = code;
  // SAFETY: a number in a signal frame, not dereferenced.
  info.si_addr = reinterpret_cast<void*>(host_address);
  ::syscall(SYS_rt_tgsigqueueinfo, ::getpid(), ::syscall(SYS_gettid), SIGBUS, &info);
}

}  // namespace redoubt
