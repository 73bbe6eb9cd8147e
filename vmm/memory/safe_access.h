// SPDX-License-Identifier: Apache-2.0
//
// Accesses to guest memory that may be refused. Under pKVM the guest can take a page back at any
// instant and nobody tells the host, so an access cannot be checked beforehand: it is made, and a
// fault is turned into a return value.
//
//   routine in section .text.guest_access ── fault ──▶ SIGSEGV/SIGBUS handler
//        ▲                                                 │ raised by the kernel, PC in the
//        section, └── returns "bytes not accessed" ◀── landing pad ─┘ address in a published
//        GuestAccessRegion
//
// Any other fault, and any such signal sent by a process, goes to the action that was in force
// before (by default a core dump): a real bug stays visible. Guest addresses are uintptr_t here
// because nobody is to dereference them.
//
// For use inside vmm/memory only; everybody else calls GuestMemory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "vmm/base/unique_fd.h"

namespace redoubt {

// The routines of safe_access_<architecture>.S. Each returns the number of bytes it could not
// access: 0 is success, and a failed copy has done exactly the bytes before the first one refused.
// They may be called on any thread that does not block SIGSEGV and SIGBUS (the kernel kills a
// process that blocks a fault of its own). The 16-bit accesses are single-copy atomic and need an
// even address. None of them is inlined: to the compiler each is also a full barrier.
extern "C" {
[[nodiscard]] size_t copy_from_guest(std::byte* to, uintptr_t from, size_t size) noexcept;
[[nodiscard]] size_t copy_to_guest(uintptr_t to, const std::byte* from, size_t size) noexcept;
[[nodiscard]] size_t zero_guest(uintptr_t to, size_t size) noexcept;
[[nodiscard]] size_t load_guest_u16(uintptr_t from, uint16_t* value) noexcept;
[[nodiscard]] size_t load_acquire_guest_u16(uintptr_t from, uint16_t* value) noexcept;
[[nodiscard]] size_t store_release_guest_u16(uintptr_t to, uint16_t value) noexcept;
}

enum class HardwareErrorKind {
  ActionRequired,  // BUS_MCEERR_AR: somebody needed the page now; KVM_RUN returns EINTR with it
  ActionOptional,  // BUS_MCEERR_AO: the page was found bad, nobody has used it since
};

struct HostHardwareError {
  uintptr_t page;  // host address of the failed page
  HardwareErrorKind kind;
};

// Installs the handler, the first time it is called in a process; throws std::system_error.
void install_fault_handler();

// For its lifetime, faults on host addresses [start, start + size) are survived, and failures of
// its hardware are recorded. Made and destroyed while no other thread accesses the region.
class GuestAccessRegion {
 public:
  // `hardware_error_event` is an eventfd that outlives this; it is signalled for every hardware
  // error, from the signal handler. Installs the fault handler; throws SetupError when there are
  // more regions than any VM needs.
  GuestAccessRegion(uintptr_t start, size_t size, BorrowedFd hardware_error_event);
  GuestAccessRegion(GuestAccessRegion&& other) noexcept;
  GuestAccessRegion& operator=(GuestAccessRegion&&) = delete;
  ~GuestAccessRegion();

  // The hardware error recorded since the last call; a second one that comes before it was taken
  // replaces it if action is required, and is dropped if not. Any thread.
  [[nodiscard]] std::optional<HostHardwareError> take_hardware_error();

 private:
  size_t slot_;
};

}  // namespace redoubt
