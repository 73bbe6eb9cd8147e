// SPDX-License-Identifier: Apache-2.0
#include "vmm/doctor/diagnose_host.h"

#include <cerrno>
#include <string>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "tests/contains.h"

namespace redoubt::doctor {
namespace {

HostFacts good_host() {
  HostFacts facts;
  facts.machine = "aarch64";
  facts.kernel_release = "7.2.12+deb13-cloud-arm64";
  facts.kernel_cmdline = "console=ttyAMA0 kvm-arm.mode=protected";
  facts.kvm_log = {"kvm [1]: Protected nVHE mode initialized successfully"};
  facts.gic = "GICv3";
  facts.kvm.max_vcpus = 512;
  facts.kvm.max_ipa_bits = 44;
  facts.locked_memory = {0, uint64_t{8} << 20, RLIM_INFINITY, false};
  facts.available_memory = uint64_t{4} << 30;
  facts.ksm_run = 0;
  facts.max_ptes_none = 511;
  facts.core_pattern = "core";
  facts.taint = 64;
  facts.kernel_config = {.path = "/proc/config.gz", .text = "CONFIG_KVM=y\n"};
  facts.passt = "/usr/bin/passt";
  facts.virtiofsd = "/usr/libexec/virtiofsd";
  return facts;
}

Finding finding_of(const HostFacts& facts, const std::string& id) {
  for (const Finding& finding : diagnose_host(facts)) {
    if (finding.id == id) return finding;
  }
  ADD_FAILURE() << "no finding " << id;
  return {};
}

TEST(DiagnoseHost, everything_is_good_on_a_good_host) {
  for (const Finding& finding : diagnose_host(good_host())) {
    EXPECT_EQ(finding.verdict, Verdict::Good) << finding.id << ": " << finding.evidence;
    EXPECT_TRUE(finding.remedy.empty()) << finding.id;
  }
}

TEST(DiagnoseHost, names_nvhe_and_hvhe) {
  HostFacts facts = good_host();
  EXPECT_TRUE(contains(finding_of(facts, "protected-mode").evidence, "nVHE"));

  facts.kvm_log = {"kvm [1]: Protected hVHE mode initialized successfully"};
  EXPECT_TRUE(contains(finding_of(facts, "protected-mode").evidence, "hVHE"));
}

TEST(DiagnoseHost, another_architecture_is_bad) {
  HostFacts facts = good_host();
  facts.machine = "x86_64";

  EXPECT_EQ(finding_of(facts, "architecture").verdict, Verdict::Bad);
}

TEST(DiagnoseHost, older_kernel_is_bad_and_newer_major_is_good) {
  HostFacts facts = good_host();
  facts.kernel_release = "6.12.48-arm64";
  EXPECT_EQ(finding_of(facts, "kernel").verdict, Verdict::Bad);

  facts.kernel_release = "7.1.9";
  EXPECT_EQ(finding_of(facts, "kernel").verdict, Verdict::Bad);

  facts.kernel_release = "8.0.0-rc1";
  EXPECT_EQ(finding_of(facts, "kernel").verdict, Verdict::Good);
}

TEST(DiagnoseHost, kvm_without_permission_says_group) {
  HostFacts facts = good_host();
  facts.kvm.open_error = EACCES;

  const Finding finding = finding_of(facts, "dev-kvm");

  EXPECT_EQ(finding.verdict, Verdict::Bad);
  EXPECT_TRUE(contains(finding.remedy, "group"));
}

TEST(DiagnoseHost, foreign_hypervisor_is_named) {
  HostFacts facts = good_host();
  facts.foreign_hypervisor = "gunyah-hypervisor";
  facts.kvm.open_error = ENOENT;

  const Finding finding = finding_of(facts, "el2");

  EXPECT_EQ(finding.verdict, Verdict::Bad);
  EXPECT_TRUE(contains(finding.evidence, "gunyah"));
}

TEST(DiagnoseHost, kernel_started_at_el1_is_told) {
  HostFacts facts = good_host();
  facts.kvm.open_error = ENOENT;
  facts.kvm_log = {"kvm [1]: HYP mode not available"};

  EXPECT_EQ(finding_of(facts, "el2").verdict, Verdict::Bad);
}

TEST(DiagnoseHost, missing_command_line_word_is_the_remedy) {
  HostFacts facts = good_host();
  facts.kernel_cmdline = "console=ttyAMA0";
  facts.kvm.protected_vm_error = EINVAL;

  const Finding finding = finding_of(facts, "protected-mode");

  EXPECT_EQ(finding.verdict, Verdict::Bad);
  EXPECT_TRUE(contains(finding.remedy, "kvm-arm.mode=protected"));
}

TEST(DiagnoseHost, vhe_kernel_is_told_apart) {
  HostFacts facts = good_host();
  facts.kvm.protected_vm_error = EINVAL;
  facts.kvm_log = {"kvm: Protected KVM not available with VHE"};

  EXPECT_TRUE(contains(finding_of(facts, "protected-mode").evidence, "VHE"));
}

TEST(DiagnoseHost, host_with_gicv2_is_bad) {
  HostFacts facts = good_host();
  facts.gic = "GICv2";
  facts.kvm.vgic_v3_error = ENODEV;

  const Finding finding = finding_of(facts, "gic");

  EXPECT_EQ(finding.verdict, Verdict::Bad);
  EXPECT_TRUE(contains(finding.evidence, "GICv2"));
}

TEST(DiagnoseHost, hard_limit_below_any_guest_is_bad_unless_capable) {
  HostFacts facts = good_host();
  facts.locked_memory = {0, uint64_t{8} << 20, uint64_t{8} << 20, false};
  EXPECT_EQ(finding_of(facts, "memlock").verdict, Verdict::Bad);

  facts.locked_memory.can_exceed = true;
  EXPECT_EQ(finding_of(facts, "memlock").verdict, Verdict::Good);
}

TEST(DiagnoseHost, low_max_ptes_none_is_bad) {
  HostFacts facts = good_host();
  facts.max_ptes_none = 0;

  EXPECT_EQ(finding_of(facts, "max-ptes-none").verdict, Verdict::Bad);
}

TEST(DiagnoseHost, kernel_that_gives_up_isolation_when_it_panics_is_noted) {
  HostFacts facts = good_host();
  facts.kernel_config.text += "# CONFIG_PKVM_DISABLE_STAGE2_ON_PANIC is not set\n";
  EXPECT_EQ(finding_of(facts, "panic").verdict, Verdict::Good);

  facts.kernel_config.text = "CONFIG_PKVM_DISABLE_STAGE2_ON_PANIC=y\n";
  EXPECT_EQ(finding_of(facts, "panic").verdict, Verdict::Note);
  EXPECT_TRUE(contains(finding_of(facts, "panic").evidence, "/proc/config.gz has CONFIG_PKVM"));

  facts.kernel_config = {};
  EXPECT_EQ(finding_of(facts, "panic").verdict, Verdict::Note);
}

TEST(DiagnoseHost, process_that_merges_all_memory_is_noted) {
  HostFacts facts = good_host();
  facts.merges_all_memory = true;

  EXPECT_EQ(finding_of(facts, "ksm").verdict, Verdict::Note);
}

TEST(DiagnoseHost, taint_by_warning_is_noted_and_by_protected_vm_is_not) {
  HostFacts facts = good_host();
  facts.taint = 64;
  EXPECT_EQ(finding_of(facts, "taint").verdict, Verdict::Good);

  facts.taint = 64 | 512;
  EXPECT_EQ(finding_of(facts, "taint").verdict, Verdict::Note);
}

TEST(DiagnoseHost, absent_module_is_a_note_with_its_modprobe) {
  HostFacts facts = good_host();
  facts.tun_error = ENOENT;

  const Finding finding = finding_of(facts, "tun");

  EXPECT_EQ(finding.verdict, Verdict::Note);
  EXPECT_TRUE(contains(finding.remedy, "modprobe tun"));
}

TEST(DiagnoseHost, node_without_permission_is_no_missing_module) {
  HostFacts facts = good_host();
  facts.vhost_net_error = EACCES;

  const Finding finding = finding_of(facts, "vhost-net");

  EXPECT_EQ(finding.verdict, Verdict::Note);
  EXPECT_TRUE(contains(finding.remedy, "open it"));
  EXPECT_FALSE(contains(finding.remedy, "modprobe"));
}

TEST(DiagnoseHost, missing_program_is_a_note_with_its_package) {
  HostFacts facts = good_host();
  facts.passt.reset();
  facts.virtiofsd.reset();

  EXPECT_EQ(finding_of(facts, "passt").verdict, Verdict::Note);
  EXPECT_TRUE(contains(finding_of(facts, "virtiofsd").remedy, "package virtiofsd"));
}

TEST(DiagnoseHost, io_uring_that_is_forbidden_is_told_from_one_that_is_not_there) {
  HostFacts facts = good_host();
  facts.io_uring_error = EPERM;
  EXPECT_TRUE(contains(finding_of(facts, "io-uring").remedy, "kernel.io_uring_disabled"));

  facts.io_uring_error = ENOSYS;
  EXPECT_TRUE(contains(finding_of(facts, "io-uring").remedy, "CONFIG_IO_URING"));
}

}  // namespace
}  // namespace redoubt::doctor
