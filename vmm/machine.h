// SPDX-License-Identifier: Apache-2.0
//
// Machine: one life of a guest, from memory to power-off. Read its members top to bottom: that is
// a VM coming to life; destruction is the same list upwards. A reset of the guest is another
// Machine, because a protected VM cannot give its memory back and start again.
#pragma once

#include <cstdint>
#include <optional>
#include <system_error>
#include <vector>

#include "devices/virtio/dma_memory.h"
#include "vmm/base/event_loop.h"
#include "vmm/base/exit_status.h"
#include "vmm/base/result.h"
#include "vmm/config/vm_config.h"
#include "vmm/guest_consoles.h"
#include "vmm/guest_stats.h"
#include "vmm/kvm/kvm.h"
#include "vmm/kvm/vcpu.h"
#include "vmm/kvm/vgic.h"
#include "vmm/kvm/vm.h"
#include "vmm/machine_devices.h"
#include "vmm/memory/guest_memory.h"
#include "vmm/memory_shortage.h"
#include "vmm/prefault.h"
#include "vmm/prove_report.h"
#include "vmm/spi_line.h"
#include "vmm/vcpu_events.h"
#include "vmm/vcpu_threads.h"
#include "vmm/virtio_devices.h"

namespace redoubt {

class Machine {
 public:
  // Throws SetupError or std::system_error; no vCPU has run then, and nothing is left behind. The
  // configuration, loop and consoles must outlive the machine.
  Machine(const VmConfig& config, EventLoop& loop, const GuestConsoles& consoles);

  // Gives the guest its memory, if it is to have it in advance; then runs it on vCPU threads and
  // the loop on this one, until the guest ends or end() is called. Afterwards the vCPUs rest and
  // memory can still be looked at. Throws SetupError or std::system_error before the guest runs.
  ExitStatus run();

  // Loop thread: ends run() with `status`; the first call counts.
  void end(ExitStatus status);

  // Loop thread: tries every page of guest memory while the vCPUs rest.
  Result<ProveReport, std::error_code> prove();

  // Pages of guest memory that EL2 has taken from the host so far; nullopt if unprotected.
  [[nodiscard]] std::optional<uint64_t> donated_pages() const;

  // What the kernel has counted of the guest's memory so far.
  [[nodiscard]] Result<GuestStats, std::error_code> stats() const;

  // Says how much of the DMA window drivers had in use at once, and where that was too much.
  void report_window() const;

 private:
  void start_vcpus();
  void on_vcpu_event(const VcpuEvent& event);
  void on_hardware_error();
  void give_up_for_memory();
  void fail(const kvm::Explanation& explanation);

  // Constant after construction.
  const VmConfig& config_;
  EventLoop& loop_;
  const uint64_t locked_before_;  // bytes of this process that were locked without a guest

  kvm::Kvm kvm_;
  GuestMemory memory_;  // mapped once, never remapped: KVM would not notice
  kvm::Vm vm_;
  std::vector<kvm::Vcpu> vcpus_;  // all but the first powered off until PSCI CPU_ON
  kvm::Vgic vgic_;                // needs the vCPUs to exist
  SpiLine pl011_interrupt_;
  SpiLine pl031_interrupt_;
  VcpuEvents events_;
  MachineDevices devices_;
  DmaMemory dma_memory_;
  VirtioDevices virtio_;
  MemoryShortage shortage_;
  // Loop thread only.
  std::optional<Prefault> prefault_;      // if the guest is to have its memory in advance
  std::optional<uint64_t> refused_page_;  // that there was no memory for, where it is known
  std::optional<ExitStatus> outcome_;
  std::optional<VcpuThreads> threads_;  // last to live, first to die
};

}  // namespace redoubt
