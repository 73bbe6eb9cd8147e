// SPDX-License-Identifier: Apache-2.0
#include "vmm/base/exit_status.h"

namespace redoubt {

std::string_view describe(ExitStatus status) {
  switch (status) {
    case ExitStatus::GuestOff: return "the guest powered off";
    case ExitStatus::GuestReset: return "the guest reset and on_reset is exit";
    case ExitStatus::SetupFailed: return "the host refused something while the guest was set up";
    case ExitStatus::Usage: return "the command line is wrong";
    case ExitStatus::BadConfig: return "the configuration is wrong";
    case ExitStatus::HostUnfit: return "the host cannot run this guest; see redoubt doctor";
    case ExitStatus::MemoryRefused: return "locked-memory limit or free memory is too small";
    case ExitStatus::BadPayload: return "the kernel or initrd cannot be booted";
    case ExitStatus::GuestPoisoned: return "the host took back a page that the guest still uses";
    case ExitStatus::MemoryExhausted: return "locked or kernel memory ran out while the guest ran";
    case ExitStatus::HardwareError: return "a page of guest memory has a hardware error";
    case ExitStatus::BadBacking: return "guest memory is not swap-backed";
    case ExitStatus::PageNotDonatable: return "a page of guest memory cannot be given to the guest";
    case ExitStatus::VcpuFailed: return "a vCPU cannot be run";
    case ExitStatus::HungUp: return "stopped by SIGHUP";
    case ExitStatus::Interrupted: return "stopped by SIGINT or the console's escape key";
    case ExitStatus::Terminated: return "stopped by SIGTERM";
  }
  return "unknown exit status";
}

}  // namespace redoubt
