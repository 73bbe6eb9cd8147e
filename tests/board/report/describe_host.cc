// SPDX-License-Identifier: Apache-2.0
#include "tests/board/report/describe_host.h"

#include <array>
#include <cstring>

#include <fmt/format.h>

#include "tests/board/report/cpu_name.h"
#include "tests/board/report/sha256.h"
#include "tests/board/report/text.h"
#include "vmm/boot/kernel_config.h"
#include "vmm/doctor/diagnose_host.h"

namespace redoubt::report {

namespace {

constexpr const char* kNoLog = "unknown: the kernel's log of its boot cannot be read";
constexpr std::string_view kCpuFeature = "CPU features: detected: ";

std::string or_unknown(const std::string& text) { return text.empty() ? "unknown" : text; }

std::string log_line(const HostReading& reading, std::string_view words) {
  for (const std::string& line : reading.kernel_log) {
    if (line.find(words) != std::string::npos) return line;
  }
  return {};
}

std::vector<std::string_view> cpu_features(const HostReading& reading) {
  std::vector<std::string_view> features;
  for (const std::string& line : reading.kernel_log) {
    if (line.starts_with(kCpuFeature)) {
      features.push_back(std::string_view(line).substr(kCpuFeature.size()));
    }
  }
  return features;
}

std::string el2_owner(const HostReading& reading) {
  for (const doctor::Finding& finding : doctor::diagnose_host(reading.facts)) {
    if (finding.id != "el2") continue;
    return (finding.verdict == doctor::Verdict::Good ? "Linux: " : "") + finding.evidence;
  }
  return "unknown";
}

// Which of its ways of running at EL2 KVM has chosen.
std::string kvm_mode(const HostReading& reading) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kModes = {{
      {"Protected hVHE mode initialized", "protected, hVHE"},
      {"Protected nVHE mode initialized", "protected, nVHE"},
      {"nVHE mode initialized", "nVHE, not protected"},
      {"VHE mode initialized", "VHE, not protected"},
      {"HYP mode not available", "none: Linux was started at EL1"},
  }};
  for (const auto& [words, meaning] : kModes) {
    if (!log_line(reading, words).empty()) return std::string(meaning);
  }
  return kNoLog;
}

std::string forced_write_back(const HostReading& reading) {
  const auto features = cpu_features(reading);
  for (const std::string_view feature : features) {
    if (feature.starts_with("Stage-2 Force Write-Back")) return "yes";
  }
  return features.empty() ? kNoLog : "no";
}

std::string protected_vm(const HostReading& reading) {
  const doctor::KvmFacts& kvm = reading.facts.kvm;
  if (kvm.open_error != 0) return fmt::format("no: /dev/kvm: {}", std::strerror(kvm.open_error));
  if (kvm.protected_vm_error != 0) {
    return fmt::format("no: KVM_CREATE_VM: {}", std::strerror(kvm.protected_vm_error));
  }
  return "yes: one was created";
}

std::string patched(const HostReading& reading) {
  if (!reading.prefaults) return "unknown: there is no protected VM to ask";
  return *reading.prefaults ? "yes: protected VMs have KVM_CAP_PRE_FAULT_MEMORY" : "no: stock";
}

std::string config_name(const HostReading& reading) {
  const doctor::KernelConfigFile& config = reading.facts.kernel_config;
  if (config.text.empty()) return "unknown: no /proc/config.gz, no file in /boot";
  return fmt::format("{} ({})", sha256(config.text), config.path);
}

std::string memory(const HostReading& reading) {
  constexpr std::string_view kTotal = "MemTotal:";
  for (const std::string_view line : lines_of(reading.meminfo)) {
    if (line.starts_with(kTotal)) return std::string(trimmed(line.substr(kTotal.size())));
  }
  return "unknown";
}

std::string firmware(const HostReading& reading) {
  std::string text = reading.firmware.empty() ? "no DMI to tell it" : reading.firmware;
  text += reading.has_device_tree ? "; device tree" : "; ACPI";
  if (reading.has_efi) text += "; EFI";
  if (!reading.psci.empty()) text += "; " + reading.psci;
  const std::string log = log_line(reading, "psci: PSCIv");
  if (!log.empty()) text += "; " + log;
  return text;
}

FactGroup features_of_kernel(const HostReading& reading) {
  // What a suite skips for, or what changes what it measures.
  constexpr std::array<const char*, 30> kOptions = {"KVM",
                                                    "NVHE_EL2_DEBUG",
                                                    "PKVM_DISABLE_STAGE2_ON_PANIC",
                                                    "KSM",
                                                    "TRANSPARENT_HUGEPAGE",
                                                    "HUGETLBFS",
                                                    "CMA",
                                                    "COMPACTION",
                                                    "MIGRATION",
                                                    "MEMORY_HOTPLUG",
                                                    "MEMORY_FAILURE",
                                                    "NUMA",
                                                    "NUMA_BALANCING",
                                                    "SWAP",
                                                    "ZRAM",
                                                    "MEMCG",
                                                    "USERFAULTFD",
                                                    "SECRETMEM",
                                                    "IO_URING",
                                                    "FAULT_INJECTION",
                                                    "FAILSLAB",
                                                    "FAIL_PAGE_ALLOC",
                                                    "FTRACE",
                                                    "KPROBE_EVENTS",
                                                    "HOTPLUG_CPU",
                                                    "CGROUP_FREEZER",
                                                    "TUN",
                                                    "VHOST_NET",
                                                    "VHOST_VSOCK",
                                                    "DMA_RESTRICTED_POOL"};
  FactGroup group{"Kernel options", {}};
  if (reading.facts.kernel_config.text.empty()) return group;
  const boot::KernelConfig config(reading.facts.kernel_config.text);
  for (const char* option : kOptions) {
    const std::string name = std::string("CONFIG_") + option;
    const auto value = config.value(name);
    group.facts.push_back({"config." + name, name, value ? std::string(*value) : "not set"});
  }
  return group;
}

std::string rights(const HostReading& reading) {
  return reading.user_id == 0 ? fmt::format("root, capabilities {:#x}", reading.facts.capabilities)
                              : fmt::format("user {}, not root, capabilities {:#x}",
                                            reading.user_id, reading.facts.capabilities);
}

}  // namespace

Environment describe_host(const HostReading& reading) {
  const doctor::HostFacts& facts = reading.facts;
  std::string features;
  for (const std::string_view feature : cpu_features(reading)) {
    features += (features.empty() ? "" : ", ") + std::string(feature);
  }
  Environment environment;
  environment.groups = {
      {"Board",
       {{"board.model", "model", or_unknown(reading.model)},
        {"board.cpus", "processors", or_unknown(cpus_text(reading.cpuinfo))},
        {"board.memory", "memory", memory(reading)},
        {"board.firmware", "firmware", firmware(reading)}}},
      {"Hypervisor",
       {{"el2.owner", "EL2 belongs to", el2_owner(reading)},
        {"el2.mode", "KVM's mode", kvm_mode(reading)},
        {"el2.protected_vm", "protected VMs", protected_vm(reading)},
        {"el2.gic", "interrupt controller", or_unknown(facts.gic)},
        {"el2.fwb", "stage-2 forced write-back", forced_write_back(reading)}}},
      {"Kernel",
       {{"kernel.release", "release", facts.kernel_release},
        {"kernel.version", "build", reading.kernel_version},
        {"kernel.patched", "patched (kernel-patches/)", patched(reading)},
        {"kernel.page_size", "page size", fmt::format("{} KiB", reading.page_size / 1024)},
        {"kernel.config", "SHA-256 of its configuration", config_name(reading)},
        {"kernel.cmdline", "command line", or_unknown(facts.kernel_cmdline)},
        {"kernel.cpu_features", "features of the processors",
         features.empty() ? kNoLog : features}}},
      {"Run",
       {{"run.begin", "begun", reading.begin},
        {"run.rights", "rights", rights(reading)},
        {"run.redoubt", "Redoubt", REDOUBT_VERSION}}},
  };
  FactGroup options = features_of_kernel(reading);
  if (!options.facts.empty()) environment.groups.push_back(std::move(options));

  for (const doctor::Finding& finding : doctor::diagnose_host(facts)) {
    if (finding.verdict != doctor::Verdict::Good) environment.lacks.push_back(finding);
  }
  environment.taint_before = facts.taint;
  return environment;
}

}  // namespace redoubt::report
