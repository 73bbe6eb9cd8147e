// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/device_tree.h"

#include <fmt/format.h>

#include "vmm/base/setup_error.h"

namespace redoubt::boot {
namespace {

constexpr size_t kLongestCommandLine = 2047;  // COMMAND_LINE_SIZE of arm64, less its NUL
constexpr uint32_t kApbClockHertz = 24'000'000;

// Interrupt specifiers of the GIC (bindings/interrupt-controller/arm,gic-v3.yaml).
constexpr uint32_t kPpi = 1;
constexpr uint32_t kLevelLow = 8;

void add_chosen(fdt::Node& root, const DeviceTreeInputs& inputs) {
  fdt::Node chosen = root.child("chosen");
  chosen.property("bootargs", inputs.command_line);
  if (!inputs.stdout_path.empty()) chosen.property("stdout-path", inputs.stdout_path);
  if (inputs.initrd) {
    chosen.property_u64("linux,initrd-start", {inputs.initrd->start().value()});
    chosen.property_u64("linux,initrd-end", {inputs.initrd->end().value()});
  }
  chosen.property_bytes("kaslr-seed", inputs.kaslr_seed);
  if (inputs.rng_seed) chosen.property_bytes("rng-seed", *inputs.rng_seed);
}

void add_memory(fdt::Node& root, const DeviceTreeInputs& inputs) {
  std::vector<uint64_t> reg = {inputs.ram.start().value(), inputs.ram.size()};
  if (inputs.dma_window) {
    reg.push_back(inputs.dma_window->start().value());
    reg.push_back(inputs.dma_window->size());
  }
  fdt::Node memory = root.child(fmt::format("memory@{:x}", inputs.ram.start().value()));
  memory.property("device_type", "memory");
  memory.property_u64("reg", reg);
}

// The pool is memory of the guest, so it also stands in /memory. It must not be `no-map`, and a
// device that uses it has to say so, and to be `dma-coherent` (kernel/dma/swiotlb.c).
void add_dma_window(fdt::Node& root, GuestRange window) {
  fdt::Node reserved = root.child("reserved-memory");
  reserved.property_u32("#address-cells", {2});
  reserved.property_u32("#size-cells", {2});
  reserved.property("ranges");
  fdt::Node pool = reserved.child(fmt::format("pool@{:x}", window.start().value()));
  pool.property("compatible", "restricted-dma-pool");
  pool.property_u64("reg", {window.start().value(), window.size()});
  pool.property_u32("phandle", {fdt::kDmaWindowPhandle});
}

// The affinity that KVM gives a vCPU: 16 to a cluster, as a GICv3 SGI can name (reset_mpidr in
// arch/arm64/kvm/sys_regs.c). Affinity level 2 begins with vCPU 4096.
constexpr uint32_t affinity(uint32_t vcpu) { return (vcpu & 0xf) | ((vcpu >> 4) & 0xff) << 8; }

// bindings/arm/cpus.yaml
void add_cpus(fdt::Node& root, uint32_t vcpus) {
  fdt::Node cpus = root.child("cpus");
  cpus.property_u32("#address-cells", {1});
  cpus.property_u32("#size-cells", {0});
  for (uint32_t vcpu = 0; vcpu < vcpus; ++vcpu) {
    fdt::Node cpu = cpus.child(fmt::format("cpu@{:x}", affinity(vcpu)));
    cpu.property("device_type", "cpu");
    cpu.property("compatible", "arm,armv8");
    cpu.property("enable-method", "psci");
    cpu.property_u32("reg", {affinity(vcpu)});
  }
}

// bindings/arm/psci.yaml. A protected guest's hypercalls work by HVC only.
void add_psci(fdt::Node& root) {
  fdt::Node psci = root.child("psci");
  psci.property_strings("compatible", {"arm,psci-1.0", "arm,psci-0.2"});
  psci.property("method", "hvc");
}

void add_interrupt_controller(fdt::Node& root, const DeviceTreeInputs& inputs) {
  const GuestRange distributor = inputs.gic_distributor;
  const GuestRange redistributors = inputs.gic_redistributors;
  fdt::Node gic = root.child(fmt::format("intc@{:x}", distributor.start().value()));
  gic.property("compatible", "arm,gic-v3");
  gic.property("interrupt-controller");
  gic.property_u32("#interrupt-cells", {3});
  gic.property_u32("#address-cells", {2});
  gic.property_u32("#size-cells", {2});
  gic.property("ranges");
  gic.property_u32("#redistributor-regions", {1});
  gic.property_u64("reg", {distributor.start().value(), distributor.size(),
                           redistributors.start().value(), redistributors.size()});
  gic.property_u32("phandle", {fdt::kInterruptControllerPhandle});
}

// bindings/timer/arm,arch_timer.yaml: secure physical, physical, virtual, hypervisor physical.
// always-on: KVM's timers go on while a vCPU waits.
void add_timer(fdt::Node& root) {
  fdt::Node timer = root.child("timer");
  timer.property("compatible", "arm,armv8-timer");
  timer.property_u32("interrupts", {kPpi, 13, kLevelLow,  //
                                    kPpi, 14, kLevelLow,  //
                                    kPpi, 11, kLevelLow,  //
                                    kPpi, 10, kLevelLow});
  timer.property("always-on");
}

// What the bindings of Arm's PrimeCell devices ask for; nothing is clocked by it.
void add_apb_clock(fdt::Node& root) {
  fdt::Node clock = root.child("apb-pclk");
  clock.property("compatible", "fixed-clock");
  clock.property_u32("#clock-cells", {0});
  clock.property_u32("clock-frequency", {kApbClockHertz});
  clock.property("clock-output-names", "clk24mhz");
  clock.property_u32("phandle", {fdt::kApbClockPhandle});
}

}  // namespace

std::vector<std::byte> build_device_tree(const DeviceTreeInputs& inputs,
                                         const DescribeDevices& describe_devices) {
  if (inputs.command_line.size() > kLongestCommandLine) {
    throw SetupError(
        fmt::format("the kernel command line has {} characters, and Linux reads {} of them",
                    inputs.command_line.size(), kLongestCommandLine),
        ExitStatus::BadConfig, "Shorten boot.cmdline.");
  }
  fdt::Writer writer;
  {
    fdt::Node root = writer.root();
    root.property("compatible", "linux,dummy-virt");
    root.property("model", "redoubt");
    root.property_u32("#address-cells", {2});
    root.property_u32("#size-cells", {2});
    root.property_u32("interrupt-parent", {fdt::kInterruptControllerPhandle});
    add_chosen(root, inputs);
    add_memory(root, inputs);
    if (inputs.dma_window) add_dma_window(root, *inputs.dma_window);
    add_cpus(root, inputs.vcpus);
    add_psci(root);
    add_interrupt_controller(root, inputs);
    add_timer(root);
    add_apb_clock(root);
    describe_devices(root);
  }
  return writer.finish();
}

}  // namespace redoubt::boot
