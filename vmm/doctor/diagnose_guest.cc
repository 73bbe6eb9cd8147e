// SPDX-License-Identifier: Apache-2.0
#include "vmm/doctor/diagnose_guest.h"

#include <cstring>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "vmm/base/setup_error.h"
#include "vmm/boot/kernel_config.h"
#include "vmm/boot/kernel_image.h"
#include "vmm/config/dma_window.h"
#include "vmm/doctor/diagnose_devices.h"
#include "vmm/memory/memory_limits.h"

namespace redoubt::doctor {

namespace {

constexpr uint64_t mib(uint64_t bytes) { return bytes >> 20; }

struct Option {
  const char* name;
  const char* purpose;
};

// What the guest's kernel must have built in for this configuration.
std::vector<Option> needed_options(const VmConfig& config) {
  std::vector<Option> options;
  if (config.console.kind != ConsoleKind::None) {
    options.push_back({"CONFIG_SERIAL_AMBA_PL011_CONSOLE", "the console"});
  }
  if (config.boot.initrd) options.push_back({"CONFIG_BLK_DEV_INITRD", "the initrd"});
  if (config.protection == Protection::Protected && dma_window_size(config) > 0) {
    options.push_back({"CONFIG_ARM_PKVM_GUEST", "sharing memory with the host"});
    options.push_back({"CONFIG_DMA_RESTRICTED_POOL", "the DMA window"});
  }
  if (!virtio_device_needs(config).empty()) options.push_back({"CONFIG_VIRTIO_MMIO", "any device"});
  if (!config.disks.empty()) options.push_back({"CONFIG_VIRTIO_BLK", "disks"});
  if (!config.networks.empty()) options.push_back({"CONFIG_VIRTIO_NET", "networks"});
  if (!config.ports.empty()) options.push_back({"CONFIG_VIRTIO_CONSOLE", "ports"});
  if (config.vsock) options.push_back({"CONFIG_VIRTIO_VSOCKETS", "vsock"});
  if (config.rng) options.push_back({"CONFIG_HW_RANDOM_VIRTIO", "rng"});
  if (!config.shares.empty()) options.push_back({"CONFIG_VIRTIO_FS", "shares"});
  return options;
}

Finding kernel_options(const VmConfig& config, const boot::KernelImage& kernel) {
  const std::string title = "guest kernel can do what the configuration needs";
  if (!kernel.header) {
    return {"guest-kernel-config", Verdict::Good, title, "a flat binary: nothing to look up", ""};
  }
  const auto options = boot::extract_kernel_config(kernel.contents);
  if (!options) {
    return {"guest-kernel-config", Verdict::Note, title,
            "unknown: the kernel carries no configuration",
            "build the guest kernel with CONFIG_IKCONFIG=y, as guest/kernel/build does"};
  }
  std::string missing;
  size_t count = 0;
  size_t modules = 0;
  for (const Option& option : needed_options(config)) {
    ++count;
    if (options->enabled(option.name)) continue;
    // Without an initrd there is no place to load a module from.
    if (config.boot.initrd && options->value(option.name) == "m") {
      ++modules;
      continue;
    }
    missing += fmt::format("{}{} ({})", missing.empty() ? "" : ", ", option.name, option.purpose);
  }
  if (missing.empty()) {
    return {
        "guest-kernel-config", Verdict::Good, title,
        fmt::format(
            "its embedded configuration has all {} options{}", count,
            modules == 0 ? "" : fmt::format(", {} as modules that the initrd must load", modules)),
        ""};
  }
  return {"guest-kernel-config", Verdict::Bad, title, "not built in: " + missing,
          "build the guest kernel with these options as y, as guest/kernel/build does"};
}

// 0 if the kernel does not tell.
uint64_t bytes_of(boot::PageSize size) {
  switch (size) {
    case boot::PageSize::Size4K: return 4 << 10;
    case boot::PageSize::Size16K: return 16 << 10;
    case boot::PageSize::Size64K: return 64 << 10;
    case boot::PageSize::Unspecified: break;
  }
  return 0;
}

// Memory is shared in pages of the host: a guest whose pages are smaller gives up sharing.
Finding granule(const boot::KernelImage& kernel) {
  const std::string title = "guest pages are at least as large as the host's";
  const auto host_page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  const uint64_t guest_page = kernel.header ? bytes_of(kernel.header->page_size) : 0;
  if (guest_page == 0) {
    return {"guest-pages", Verdict::Good, title, "the kernel does not tell its page size", ""};
  }
  const std::string evidence =
      fmt::format("guest {} KiB, host {} KiB", guest_page >> 10, host_page >> 10);
  if (guest_page >= host_page) return {"guest-pages", Verdict::Good, title, evidence, ""};
  return {"guest-pages", Verdict::Bad, title, evidence,
          "build the guest kernel with the host's page size, or run a 4 KiB host kernel"};
}

void check_kernel(const VmConfig& config, Findings& findings) {
  const std::string title = "guest kernel";
  try {
    const boot::KernelImage kernel = boot::open_kernel(config.boot.kernel, config.memory.size);
    if (config.protection == Protection::Protected) boot::check_runs_protected(kernel);
    findings.push_back({"guest-kernel", Verdict::Good, title,
                        fmt::format("{}: {}, needs {} MiB", config.boot.kernel.string(),
                                    kernel.format, mib(kernel.memory_size()) + 1),
                        ""});
    findings.push_back(kernel_options(config, kernel));
    if (config.protection == Protection::Protected) findings.push_back(granule(kernel));
  } catch (const std::exception& error) {
    findings.push_back(
        {"guest-kernel", Verdict::Bad, title, message_chain(error), remedy_of(error)});
  }
}

Finding initrd(const std::filesystem::path& path) {
  std::error_code error;
  const uint64_t size = std::filesystem::file_size(path, error);
  if (!error && ::access(path.c_str(), R_OK) != 0) {
    error = std::error_code(errno, std::generic_category());
  }
  if (error) {
    return {"guest-initrd", Verdict::Bad, "guest initrd", path.string() + ": " + error.message(),
            "give boot.initrd the path of a readable file"};
  }
  return {"guest-initrd", Verdict::Good, "guest initrd",
          fmt::format("{}: {} KiB", path.string(), size >> 10), ""};
}

Finding memory(const VmConfig& config, const HostFacts& host) {
  const std::string title = "host has the guest's memory";
  const uint64_t size = config.memory.size + dma_window_size(config);
  const MemoryNeed need = memory_need(size, config.vcpus, host.locked_memory.locked);
  const bool is_protected = config.protection == Protection::Protected;
  const uint64_t available_need = is_protected ? need.available : size;
  const std::string evidence = fmt::format("guest needs {} MiB, host has {} MiB available",
                                           mib(available_need), mib(host.available_memory));
  if (available_need > host.available_memory) {
    return {"guest-memory", Verdict::Bad, title, evidence,
            "give the guest less (memory.size) or free memory of the host"};
  }
  const LockedMemory& limit = host.locked_memory;
  if (is_protected && !limit.can_exceed && need.locked > limit.hard_limit) {
    return {"guest-memory", Verdict::Bad, title,
            fmt::format("{}; {} KiB must be locked, the hard limit is {} KiB", evidence,
                        need.locked >> 10, limit.hard_limit >> 10),
            fmt::format("raise the limit: ulimit -l {}", (need.locked >> 10) + 1)};
  }
  return {"guest-memory", Verdict::Good, title, evidence, ""};
}

Finding vcpus(const VmConfig& config, const HostFacts& host) {
  const std::string title = "host can give the guest's vCPUs";
  const long online = ::sysconf(_SC_NPROCESSORS_ONLN);
  const std::string evidence =
      fmt::format("guest wants {}, host has {} CPUs", config.vcpus, online);
  if (host.kvm.open_error == 0 && config.vcpus > static_cast<uint32_t>(host.kvm.max_vcpus)) {
    return {"guest-vcpus", Verdict::Bad, title,
            fmt::format("{}, KVM allows {}", evidence, host.kvm.max_vcpus), "lower cpus"};
  }
  if (config.vcpus > static_cast<uint32_t>(online)) {
    return {"guest-vcpus", Verdict::Note, title, evidence, "vCPUs will share CPUs and be slower"};
  }
  return {"guest-vcpus", Verdict::Good, title, evidence, ""};
}

void append(Findings& findings, const Findings& more) {
  findings.insert(findings.end(), more.begin(), more.end());
}

}  // namespace

Findings diagnose_guest(const VmConfig& config, const HostFacts& host) {
  Findings findings;
  check_kernel(config, findings);
  if (config.boot.initrd) findings.push_back(initrd(*config.boot.initrd));
  findings.push_back(memory(config, host));
  findings.push_back(vcpus(config, host));
  append(findings, diagnose_window(config));
  append(findings, diagnose_disks(config, host));
  append(findings, diagnose_networks(config, host));
  append(findings, diagnose_endpoints(config, host));
  return findings;
}

}  // namespace redoubt::doctor
