// SPDX-License-Identifier: Apache-2.0
//
// HostReading: everything that the environment is told from, read once, so that what is made of it
// can be tested with readings of hosts we do not have.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "vmm/doctor/host_facts.h"

namespace redoubt::report {

struct HostReading {
  doctor::HostFacts facts;
  // KVM_CAP_PRE_FAULT_MEMORY of a protected VM, by which Redoubt, too, tells a host kernel with the
  // series of kernel-patches/. nullopt: there is no protected VM to ask.
  std::optional<bool> prefaults;
  std::string kernel_version;           // uname -v
  std::vector<std::string> kernel_log;  // all there is; empty if it cannot be read
  std::string cpuinfo;
  std::string meminfo;
  std::string model;     // of the device tree, or vendor and product of DMI
  std::string firmware;  // vendor, version and date of DMI; empty without it
  std::string psci;      // compatible of the device tree's /psci
  bool has_efi = false;
  bool has_device_tree = false;
  long page_size = 0;
  unsigned user_id = 0;
  std::string begin;  // date and time, UTC
};

// Reads below `root`, which is "/" but for tests. Does not ask KVM.
[[nodiscard]] HostReading read_host(const std::filesystem::path& root);

// Makes VMs that never run, which taints the kernel if it was not: read_host() comes first.
void ask_kvm(HostReading& reading);

}  // namespace redoubt::report
