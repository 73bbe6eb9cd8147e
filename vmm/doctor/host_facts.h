// SPDX-License-Identifier: Apache-2.0
//
// HostFacts: what can be seen of a host, gathered once and judged by diagnose_host(), so that the
// judgement can be tested with facts of hosts we do not have.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "vmm/doctor/kernel_config_file.h"
#include "vmm/memory/locked_memory.h"

namespace redoubt::doctor {

// What /dev/kvm answers. An errno of 0 means that it worked.
struct KvmFacts {
  int open_error = 0;
  int protected_vm_error = 0;
  int unprotected_vm_error = 0;
  int vgic_v3_error = 0;
  int max_vcpus = 0;
  int max_ipa_bits = 0;
};

struct HostFacts {
  std::string machine;         // uname -m
  std::string kernel_release;  // uname -r
  std::string kernel_cmdline;
  std::vector<std::string> kvm_log;  // lines of the kernel log about KVM and exception levels
  std::string foreign_hypervisor;    // device tree: compatible of /hypervisor; empty if none
  std::string gic;                   // "GICv3" as /proc/interrupts spells it; empty if none
  KvmFacts kvm;
  LockedMemory locked_memory{};
  uint64_t available_memory = 0;    // bytes
  std::optional<uint64_t> ksm_run;  // nullopt: no KSM in this kernel
  bool merges_all_memory = false;   // PR_GET_MEMORY_MERGE of this process
  std::optional<uint64_t> max_ptes_none;
  std::string core_pattern;
  std::optional<uint64_t> taint;
  KernelConfigFile kernel_config;
  // Errors of opening the nodes below /dev for reading and writing; 0: it opens.
  int vhost_net_error = 0;
  int vhost_vsock_error = 0;
  int tun_error = 0;
  int io_uring_error = 0;  // of io_uring_setup
  std::optional<std::filesystem::path> passt;
  std::optional<std::filesystem::path> virtiofsd;
  uint64_t capabilities = 0;         // effective, as a mask of this process
  std::filesystem::path root = "/";  // where all this was read
};

// Reads below `root`, which is "/" but for tests. Does not ask KVM.
[[nodiscard]] HostFacts gather_host_facts(const std::filesystem::path& root);

// Opens /dev/kvm and tries what a guest needs, by creating VMs that never run.
[[nodiscard]] KvmFacts gather_kvm_facts();

}  // namespace redoubt::doctor
