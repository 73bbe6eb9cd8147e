// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <utility>

#include <sys/epoll.h>

#include "vmm/base/event_fd.h"
#include "vmm/base/log.h"
#include "vmm/base/setup_error.h"
#include "vmm/boot/loader.h"
#include "vmm/machine_layout.h"
#include "vmm/memory/locked_memory.h"
#include "vmm/memory/memory_limits.h"
#include "vmm/memory_map.h"

namespace redoubt {

namespace {

GuestAddress memory_end(const VmConfig& config) {
  const std::optional<GuestRange> window = window_of(config);
  return window ? window->end() : ram_of(config).end();
}

// Before memory is mapped: a refusal then costs nothing.
uint64_t check_memory(const VmConfig& config) {
  if (config.protection == Protection::Protected) {
    const std::optional<GuestRange> window = window_of(config);
    check_memory_limits(config.memory.size + (window ? window->size() : 0), config.vcpus);
  }
  return locked_memory_bytes().value_or(0);
}

// An unprotected guest is lent its memory, by the folio on any kernel.
kvm::Donation donation_of(const kvm::Kvm& kvm, const VmConfig& config) {
  if (config.protection == Protection::Unprotected) return kvm::Donation::ByFolio;
  return kvm::donation_to_protected_vms(kvm);
}

kvm::Vm create_vm(const kvm::Kvm& kvm, const VmConfig& config, const GuestMemory& memory) {
  const auto ipa_bits = static_cast<uint32_t>(std::bit_width(memory_end(config).value() - 1));
  if (ipa_bits > kvm.max_ipa_bits()) {
    throw SetupError("the guest needs " + std::to_string(ipa_bits) +
                         " bits of guest-physical address, this host gives " +
                         std::to_string(kvm.max_ipa_bits()),
                     ExitStatus::HostUnfit, "lower memory.size");
  }
  // Not the least that would do: a guest sees the number, and 40 is what it expects.
  constexpr uint32_t kUsualIpaBits = 40;
  kvm::Vm vm(kvm, config.protection, kUsualIpaBits);
  uint32_t slot = 0;
  for (const MemorySlot& memory_slot : memory.slots()) {
    vm.add_memslot(slot++, memory_slot.range.start().value(), memory_slot.range.size(),
                   memory_slot.host_address);
  }
  return vm;
}

std::vector<kvm::Vcpu> create_vcpus(const kvm::Kvm& kvm, const kvm::Vm& vm, uint32_t count) {
  if (const uint32_t most = vm.max_vcpus(); count > most) {
    throw SetupError(
        "the guest wants " + std::to_string(count) + " vCPUs, KVM allows " + std::to_string(most),
        ExitStatus::HostUnfit, "lower cpus");
  }
  std::vector<kvm::Vcpu> vcpus;
  vcpus.reserve(count);
  for (uint32_t id = 0; id < count; ++id) {
    vcpus.emplace_back(kvm, vm, id, id == 0 ? kvm::PowerState::On : kvm::PowerState::Off);
  }
  return vcpus;
}

kvm::VgicLayout vgic_layout() {
  return {memory_map::kGicDistributor.value(), memory_map::kGicRedistributors.value(),
          memory_map::kIntidCount};
}

}  // namespace

Machine::Machine(const VmConfig& config, EventLoop& loop, const GuestConsoles& consoles)
    : config_(config),
      loop_(loop),
      locked_before_(check_memory(config)),
      memory_(regions_of(config, donation_of(kvm_, config))),
      vm_(create_vm(kvm_, config, memory_)),
      vcpus_(create_vcpus(kvm_, vm_, config.vcpus)),
      vgic_(vm_, config.vcpus, vgic_layout()),
      pl011_interrupt_(vm_, memory_map::kPl011Spi),
      pl031_interrupt_(vm_, memory_map::kPl031Spi),
      devices_(loop, consoles.uart(), {pl011_interrupt_, pl031_interrupt_}),
      dma_memory_(memory_, devices_window_of(config)),
      virtio_(config, dma_memory_, loop, consoles.ports(), vm_, devices_.bus()),
      shortage_(loop, {.retry = [this] { threads_->retry_memory(); },
                       .give_up = [this] { give_up_for_memory(); }}) {
  devices_.bus().seal();
  if (config.memory.prefault) {
    prefault_.emplace(vm_, vcpus_.front(), config.protection, memory_.slots());
  }
  const boot::Payload payload =
      boot::open_payload(config.boot.kernel, config.boot.initrd, config.memory.size);
  if (config.protection == Protection::Protected) boot::check_runs_protected(payload.kernel);
  const boot::Placement placement = boot::place_payload(ram_of(config), payload);
  const boot::EntryState entry = boot::load(
      memory_, payload, placement,
      build_device_tree_of(config, placement.initrd,
                           [this](fdt::Node& root) { devices_.bus().describe_all(root); }));
  vcpus_.front().set_entry(entry.pc.value(), entry.x0.value());
}

ExitStatus Machine::run() {
  const auto hardware_errors = loop_.watch(memory_.hardware_error_event(), EPOLLIN,
                                           [this](uint32_t) { on_hardware_error(); });
  const auto vcpu_events = loop_.watch(events_.available(), EPOLLIN, [this](uint32_t) {
    for (const VcpuEvent& event : events_.take()) on_vcpu_event(event);
  });
  // Readable as long as there is memory to be given.
  EventFd more_memory;
  EventLoop::Watch giving;
  if (prefault_) {
    more_memory.signal();
    giving = loop_.watch(more_memory.fd(), EPOLLIN, [this, &giving](uint32_t) {
      if (prefault_->give_piece()) return;
      giving.cancel();
      log::info("{}: all {} MiB of its memory were given to it in advance", config_.name,
                prefault_->total() >> 20);
      start_vcpus();
    });
  } else {
    start_vcpus();
  }
  loop_.run();
  if (threads_) threads_->pause();
  return outcome_.value_or(ExitStatus::SetupFailed);
}

void Machine::start_vcpus() { threads_.emplace(vcpus_, devices_.bus(), events_); }

void Machine::end(ExitStatus status) {
  if (outcome_) return;
  outcome_ = status;
  loop_.stop();
}

Result<ProveReport, std::error_code> Machine::prove() {
  const bool running = threads_ && !outcome_;
  if (running) threads_->pause();
  Result<MemoryProof, std::error_code> proof = redoubt::prove(memory_);
  const uint64_t donated = donated_pages().value_or(0);
  if (running) threads_->resume();
  return ProveReport{config_.protection, donated, TRY(std::move(proof))};
}

std::optional<uint64_t> Machine::donated_pages() const {
  if (config_.protection == Protection::Unprotected) return std::nullopt;
  const uint64_t locked = locked_memory_bytes().value_or(locked_before_);
  return (locked - std::min(locked, locked_before_)) / host_page_size();
}

Result<GuestStats, std::error_code> Machine::stats() const {
  const kvm::Statistics vm = TRY(vm_.statistics());
  std::vector<kvm::Statistics> vcpus;
  for (const kvm::Vcpu& vcpu : vcpus_) vcpus.push_back(TRY(vcpu.statistics()));
  return GuestStats{config_.protection, host_page_size(), donated_pages().value_or(0),
                    donation_counts(vm, vcpus)};
}

void Machine::report_window() const {
  const std::optional<GuestRange>& window = dma_memory_.window();
  if (!window) return;
  constexpr uint64_t kKiB = 1024;
  const uint64_t peak = dma_memory_.peak_held();
  log::info("{}: drivers had at most {} of {} KiB of the DMA window in use at once", config_.name,
            peak / kKiB, window->size() / kKiB);
  // The guest's allocator has no whole piece left well before the last byte is taken.
  if (peak < window->size() / 8 * 7) return;
  log::warn(
      "{}: the DMA window was exhausted, and the guest's devices waited for it: set "
      "memory.dma_window to more than {} MiB",
      config_.name, window->size() >> 20);
}

void Machine::on_vcpu_event(const VcpuEvent& event) {
  if (std::holds_alternative<kvm::SystemOff>(event)) return end(ExitStatus::GuestOff);
  if (std::holds_alternative<kvm::SystemReset>(event)) return end(ExitStatus::GuestReset);
  const auto& failure = std::get<kvm::RunFailure>(event);
  if (failure.error == ENOMEM) {
    refused_page_ = failure.ipa;
    return shortage_.on_failure(failure.ipa);
  }
  fail(kvm::explain(failure, config_.protection));
}

void Machine::give_up_for_memory() {
  kvm::RunFailure failure;
  failure.error = ENOMEM;
  failure.ipa = refused_page_;
  fail(kvm::explain(failure, config_.protection));
}

void Machine::on_hardware_error() {
  const std::optional<HardwareError> error = memory_.take_hardware_error();
  if (!error) return;
  const kvm::Explanation explanation = kvm::explain_hardware_error(error->page.value());
  if (error->kind == HardwareErrorKind::ActionRequired) return fail(explanation);
  log::warn("guest: {}: {}; the guest goes on until it uses the page", explanation.name,
            explanation.meaning);
}

void Machine::fail(const kvm::Explanation& explanation) {
  if (outcome_) return;
  log::error("guest: {}: {}", explanation.name, explanation.meaning);
  log::error("guest: {}", explanation.remedy);
  end(explanation.status);
}

}  // namespace redoubt
