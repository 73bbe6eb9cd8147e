// SPDX-License-Identifier: Apache-2.0
#include "vmm/doctor/host_facts.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace redoubt::doctor {
namespace {

class HostFactsTest : public testing::Test {
 protected:
  HostFactsTest() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "redoubt-facts-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
  }
  ~HostFactsTest() override { std::filesystem::remove_all(root_); }

  void write(const std::filesystem::path& path, const std::string& text) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }

  std::filesystem::path root_;
};

TEST_F(HostFactsTest, absent_files_are_absent_facts) {
  const HostFacts facts = gather_host_facts(root_);

  EXPECT_EQ(facts.ksm_run, std::nullopt);
  EXPECT_EQ(facts.max_ptes_none, std::nullopt);
  EXPECT_EQ(facts.taint, std::nullopt);
  EXPECT_TRUE(facts.kernel_cmdline.empty());
  EXPECT_TRUE(facts.kernel_config.path.empty());
  EXPECT_EQ(facts.tun_error, ENOENT);
  EXPECT_EQ(facts.capabilities, 0U);
}

TEST_F(HostFactsTest, reads_the_configuration_that_the_kernels_package_installs) {
  utsname name{};
  ASSERT_EQ(::uname(&name), 0);
  const std::string place = std::string("boot/config-") + name.release;
  write(place, "CONFIG_KVM=y\n");

  const HostFacts facts = gather_host_facts(root_);

  EXPECT_EQ(facts.kernel_config.path, "/" + place);
  EXPECT_EQ(facts.kernel_config.text, "CONFIG_KVM=y\n");
}

TEST_F(HostFactsTest, reads_what_the_kernel_shows) {
  write("proc/cmdline", "quiet kvm-arm.mode=protected\n");
  write("proc/interrupts", " 11:  5  GICv3  27 Level  arch_timer\n");
  write("proc/sys/kernel/tainted", "64\n");
  write("sys/kernel/mm/ksm/run", "1\n");
  write("sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_none", "511\n");
  write("sys/firmware/devicetree/base/hypervisor/compatible", std::string("xen,xen-4.17\0", 13));
  write("dev/net/tun", "");
  write("proc/self/status", "Name:\tx\nCapPrm:\t0000000000000001\nCapEff:\t000001ff00001000\n");

  const HostFacts facts = gather_host_facts(root_);

  EXPECT_EQ(facts.kernel_cmdline, "quiet kvm-arm.mode=protected");
  EXPECT_EQ(facts.gic, "GICv3");
  EXPECT_EQ(facts.taint, 64U);
  EXPECT_EQ(facts.ksm_run, 1U);
  EXPECT_EQ(facts.max_ptes_none, 511U);
  EXPECT_EQ(facts.foreign_hypervisor, "xen,xen-4.17");
  EXPECT_EQ(facts.tun_error, 0);
  EXPECT_EQ(facts.vhost_net_error, ENOENT);
  EXPECT_EQ(facts.capabilities, 0x1ffULL << 32 | 0x1000);
  EXPECT_EQ(facts.root, root_);
}

TEST_F(HostFactsTest, text_where_a_number_belongs_is_no_number) {
  write("proc/sys/kernel/tainted", "many\n");

  EXPECT_EQ(gather_host_facts(root_).taint, std::nullopt);
}

}  // namespace
}  // namespace redoubt::doctor
