// SPDX-License-Identifier: Apache-2.0
#include "vmm/doctor/diagnose_host.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <sys/resource.h>

#include "vmm/boot/kernel_config.h"

namespace redoubt::doctor {

namespace {

constexpr uint64_t kKernelDefaultMaxPtesNone = 511;

std::pair<unsigned, unsigned> kernel_version(const std::string& release) {
  unsigned major = 0;
  unsigned minor = 0;
  const char* end = release.data() + release.size();
  const auto after_major = std::from_chars(release.data(), end, major);
  if (after_major.ptr < end && *after_major.ptr == '.') {
    std::from_chars(after_major.ptr + 1, end, minor);
  }
  return {major, minor};
}

bool log_has(const HostFacts& facts, std::string_view words) {
  return std::any_of(facts.kvm_log.begin(), facts.kvm_log.end(),
                     [words](const auto& line) { return line.find(words) != std::string::npos; });
}

std::string log_line(const HostFacts& facts, std::string_view words) {
  for (const std::string& line : facts.kvm_log) {
    if (line.find(words) != std::string::npos) return line;
  }
  return {};
}

Finding architecture(const HostFacts& facts) {
  const bool good = facts.machine == "aarch64";
  return {"architecture", good ? Verdict::Good : Verdict::Bad, "arm64 host", facts.machine,
          good ? "" : "run redoubt on an arm64 host"};
}

Finding kernel(const HostFacts& facts) {
  const bool good = kernel_version(facts.kernel_release) >= std::pair(7U, 2U);
  return {"kernel", good ? Verdict::Good : Verdict::Bad, "kernel 7.2 or newer",
          "Linux " + facts.kernel_release,
          good ? "" : "protected VMs came with Linux 7.2: install a newer kernel"};
}

Finding dev_kvm(const HostFacts& facts) {
  const int error = facts.kvm.open_error;
  if (error == 0) {
    return {"dev-kvm", Verdict::Good, "/dev/kvm",
            fmt::format("opens; up to {} vCPUs, {} bits of guest-physical address",
                        facts.kvm.max_vcpus, facts.kvm.max_ipa_bits),
            ""};
  }
  const std::string evidence = std::strerror(error);
  if (error == EACCES || error == EPERM) {
    return {"dev-kvm", Verdict::Bad, "/dev/kvm", evidence,
            "add this user to the group of /dev/kvm (usually kvm) and log in again"};
  }
  return {"dev-kvm", Verdict::Bad, "/dev/kvm", evidence,
          "the kernel has no KVM or does not own EL2, see the next lines"};
}

// Who holds EL2: Linux with pKVM, Linux without, or somebody who was there first.
Finding el2_owner(const HostFacts& facts) {
  if (!facts.foreign_hypervisor.empty()) {
    return {"el2", Verdict::Bad, "EL2 belongs to Linux",
            "the device tree names another hypervisor: " + facts.foreign_hypervisor,
            "this board's firmware keeps EL2 for itself; no setting of Linux changes that"};
  }
  if (log_has(facts, "HYP mode not available")) {
    return {"el2", Verdict::Bad, "EL2 belongs to Linux", log_line(facts, "HYP mode not available"),
            "the firmware starts Linux at EL1: it must enter the kernel at EL2"};
  }
  if (facts.kvm.open_error == 0) {
    return {"el2", Verdict::Good, "EL2 belongs to Linux", "KVM is up", ""};
  }
  return {"el2", Verdict::Note, "EL2 belongs to Linux",
          "unknown: KVM is not up and the kernel log does not tell (is it readable?)",
          "run this as root"};
}

Finding protected_mode(const HostFacts& facts) {
  const std::string title = "protected KVM";
  if (facts.kvm.open_error != 0) {
    return {"protected-mode", Verdict::Bad, title, "not tried: /dev/kvm does not open", ""};
  }
  if (facts.kvm.protected_vm_error == 0) {
    std::string evidence = "a protected VM was created";
    if (log_has(facts, "Protected hVHE mode")) evidence += " (hVHE)";
    if (log_has(facts, "Protected nVHE mode")) evidence += " (nVHE)";
    return {"protected-mode", Verdict::Good, title, evidence, ""};
  }
  const std::string evidence =
      fmt::format("creating a protected VM fails: {}", std::strerror(facts.kvm.protected_vm_error));
  if (log_has(facts, "not available with VHE")) {
    return {"protected-mode", Verdict::Bad, title,
            evidence + "; " + log_line(facts, "not available with VHE"),
            "the kernel stayed at EL2: add kvm-arm.mode=protected to its command line and let "
            "nothing else select VHE"};
  }
  if (facts.kernel_cmdline.find("kvm-arm.mode=protected") == std::string::npos) {
    return {"protected-mode", Verdict::Bad, title, evidence,
            "add kvm-arm.mode=protected to the kernel's command line and boot again"};
  }
  if (facts.kvm.protected_vm_error == ENOMEM) {
    return {"protected-mode", Verdict::Bad, title, evidence,
            "a host has at most 255 virtual machines; end some, or free memory"};
  }
  return {"protected-mode", Verdict::Bad, title,
          evidence + ", though the command line asks for protected mode",
          "look for 'kvm' in the kernel log"};
}

Finding gic(const HostFacts& facts) {
  const std::string seen = facts.gic.empty() ? "unknown" : facts.gic;
  if (facts.kvm.open_error == 0 && facts.kvm.vgic_v3_error == 0) {
    return {"gic", Verdict::Good, "GICv3 for guests", "host has " + seen, ""};
  }
  return {"gic", facts.kvm.open_error == 0 ? Verdict::Bad : Verdict::Note, "GICv3 for guests",
          facts.kvm.open_error == 0 ? fmt::format("host has {}; creating a virtual GICv3 fails: {}",
                                                  seen, std::strerror(facts.kvm.vgic_v3_error))
                                    : "not tried: /dev/kvm does not open; host has " + seen,
          "protected KVM needs a host with a GICv3; boards with a GIC-400 (GICv2) cannot run it"};
}

Finding memlock(const HostFacts& facts) {
  const LockedMemory& limit = facts.locked_memory;
  const auto mib = [](uint64_t bytes) {
    return bytes == RLIM_INFINITY ? std::string("unlimited") : fmt::format("{} MiB", bytes >> 20);
  };
  const std::string evidence = fmt::format(
      "limit {} (hard {}), {} locked now{}", mib(limit.soft_limit), mib(limit.hard_limit),
      mib(limit.locked), limit.can_exceed ? ", CAP_IPC_LOCK lifts the limit" : "");
  constexpr uint64_t kSmallestGuest = uint64_t{32} << 20;
  const bool good = limit.can_exceed || limit.hard_limit >= limit.locked + kSmallestGuest;
  return {"memlock", good ? Verdict::Good : Verdict::Bad, "locked-memory limit", evidence,
          good ? ""
               : "raise it to the guest's RAM and a little more: ulimit -l, LimitMEMLOCK= of "
                 "systemd, or memlock in /etc/security/limits.conf"};
}

Finding ksm(const HostFacts& facts) {
  if (facts.merges_all_memory) {
    return {"ksm", Verdict::Note, "KSM keeps off", "this process inherits PR_SET_MEMORY_MERGE",
            "redoubt clears it for itself; unset MemoryKSM= of the systemd unit"};
  }
  if (facts.ksm_run.value_or(0) == 1) {
    return {"ksm", Verdict::Note, "KSM keeps off",
            "KSM runs; it leaves guest memory alone because redoubt never marks it mergeable", ""};
  }
  return {"ksm", Verdict::Good, "KSM keeps off",
          facts.ksm_run ? "not running" : "not in this kernel", ""};
}

Finding max_ptes_none(const HostFacts& facts) {
  const std::string title = "khugepaged leaves donated pages alone";
  if (!facts.max_ptes_none) {
    return {"max-ptes-none", Verdict::Good, title, "no transparent hugepages in this kernel", ""};
  }
  const bool good = *facts.max_ptes_none >= kKernelDefaultMaxPtesNone;
  return {"max-ptes-none", good ? Verdict::Good : Verdict::Bad, title,
          fmt::format("max_ptes_none is {}", *facts.max_ptes_none),
          good ? ""
               : "below 511 the kernel reads parts of hugepages that it thinks unused, which "
                 "destroys donated pages: write 511 to /sys/kernel/mm/transparent_hugepage/"
                 "khugepaged/max_ptes_none, or set memory.hugepages: never"};
}

Finding core_pattern(const HostFacts& facts) {
  return {
      "core-pattern", Verdict::Good, "core dumps spare guest memory",
      fmt::format("guest memory is marked MADV_DONTDUMP; core_pattern is '{}'", facts.core_pattern),
      ""};
}

// What a hypervisor that panics does with the host's stage 2 (arch/arm64/kvm/Kconfig).
Finding panic(const HostFacts& facts) {
  constexpr std::string_view kOption = "CONFIG_PKVM_DISABLE_STAGE2_ON_PANIC";
  const std::string title = "guest memory stays out of reach when the hypervisor panics";
  const auto& [path, text] = facts.kernel_config;
  if (text.empty()) {
    return {"panic", Verdict::Note, title, "this kernel does not tell its configuration",
            fmt::format("see to it that it was built without {}", kOption)};
  }
  if (!boot::KernelConfig(text).enabled(kOption)) {
    return {"panic", Verdict::Good, title, fmt::format("{} has no {}", path, kOption), ""};
  }
  return {"panic", Verdict::Note, title, fmt::format("{} has {}=y", path, kOption),
          "this is a kernel to find faults with: run guests that have secrets on one without it"};
}

Finding taint(const HostFacts& facts) {
  struct Flag {
    unsigned bit;
    const char* meaning;
  };
  // Documentation/admin-guide/tainted-kernels.rst
  constexpr Flag kTroubling[] = {{4, "a machine check happened"},
                                 {5, "bad page seen"},
                                 {7, "the kernel has oopsed"},
                                 {9, "the kernel has warned"},
                                 {14, "a soft lockup happened"}};
  constexpr unsigned kUserTaint = 6;
  if (!facts.taint) return {"taint", Verdict::Note, "kernel is well", "taint cannot be read", ""};
  std::string troubles;
  for (const Flag& flag : kTroubling) {
    if ((*facts.taint >> flag.bit & 1) != 0) {
      troubles += (troubles.empty() ? "" : ", ") + std::string(flag.meaning);
    }
  }
  if (!troubles.empty()) {
    return {"taint", Verdict::Note, "kernel is well",
            fmt::format("tainted {}: {}", *facts.taint, troubles),
            "read the kernel log and boot again before you trust this host"};
  }
  if ((*facts.taint >> kUserTaint & 1) != 0) {
    return {
        "taint", Verdict::Good, "kernel is well",
        fmt::format("tainted {}: a protected VM was created, which taints by design", *facts.taint),
        ""};
  }
  return {"taint", Verdict::Good, "kernel is well", fmt::format("tainted {}", *facts.taint), ""};
}

// A note, because only some guests need it.
Finding node(const std::string& id, const std::string& path, int error, const std::string& module,
             const std::string& purpose) {
  if (error == 0) return {id, Verdict::Good, path, "opens", ""};
  const bool denied = error == EACCES || error == EPERM;
  return {id, Verdict::Note, path, std::strerror(error),
          denied ? fmt::format("let this user open it, {}", purpose)
                 : fmt::format("modprobe {}, {}", module, purpose)};
}

Finding program(const std::string& name, const std::optional<std::filesystem::path>& found,
                const std::string& purpose) {
  if (found) return {name, Verdict::Good, name, found->string(), ""};
  return {name, Verdict::Note, name, "not installed",
          fmt::format("install the package {}, {}", name, purpose)};
}

}  // namespace

Finding io_uring(const HostFacts& facts) {
  const std::string title = "io_uring";
  const int error = facts.io_uring_error;
  if (error == 0) return {"io-uring", Verdict::Good, title, "allowed", ""};
  return {"io-uring", Verdict::Note, title, std::strerror(error),
          error == ENOSYS
              ? "use a host kernel with CONFIG_IO_URING=y, if guests shall have disks"
              : "set kernel.io_uring_disabled=0 with sysctl, and let the container or service of "
                "this process use io_uring, if guests shall have disks"};
}

Findings diagnose_host(const HostFacts& facts) {
  return {
      architecture(facts),
      kernel(facts),
      dev_kvm(facts),
      el2_owner(facts),
      protected_mode(facts),
      gic(facts),
      memlock(facts),
      ksm(facts),
      max_ptes_none(facts),
      core_pattern(facts),
      panic(facts),
      taint(facts),
      node("vhost-net", "/dev/vhost-net", facts.vhost_net_error, "vhost_net",
           "if guests shall have fast tap networks"),
      node("vhost-vsock", "/dev/vhost-vsock", facts.vhost_vsock_error, "vhost_vsock",
           "if guests shall have vsock of type vhost"),
      node("tun", "/dev/net/tun", facts.tun_error, "tun", "if guests shall have tap networks"),
      io_uring(facts),
      program("passt", facts.passt, "if guests shall have networks without privileges"),
      program("virtiofsd", facts.virtiofsd, "if guests shall have shared folders"),
  };
}

}  // namespace redoubt::doctor
