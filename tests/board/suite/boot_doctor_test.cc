// SPDX-License-Identifier: Apache-2.0
//
// The doctor, as a user meets it on a host with pKVM.
#include <string>

#include <gtest/gtest.h>
#include <sys/utsname.h>

#include "tests/board/suite/support/needs.h"
#include "tests/board/suite/support/redoubt_process.h"
#include "tests/board/suite/support/suite_dir.h"
#include "vmm/doctor/kernel_config_file.h"

namespace redoubt::suite {
namespace {

TEST(BootDoctor, finds_a_host_with_pkvm_fit) {
  REDOUBT_NEEDS_KVM(true);
  RedoubtProcess redoubt({{"doctor"}});

  EXPECT_EQ(redoubt.wait_exit(), 0) << redoubt.output();

  EXPECT_TRUE(redoubt.says("✓ protected KVM: a protected VM was created")) << redoubt.output();
}

TEST(BootDoctor, json_names_the_guest_kernel_and_its_options) {
  REDOUBT_NEEDS_KVM(true);
  const std::string config = suite_file("../../configs/window.yaml").lexically_normal().string();
  RedoubtProcess redoubt({{"doctor", config, "--json"}});

  EXPECT_EQ(redoubt.wait_exit(), 0) << redoubt.output();

  EXPECT_TRUE(redoubt.says("\"ok\": true")) << redoubt.output();
  EXPECT_TRUE(redoubt.says("\"guest-kernel-config\"")) << redoubt.output();
  EXPECT_TRUE(redoubt.says("arm64 Image")) << redoubt.output();
}

TEST(BootDoctor, unfit_host_exits_with_its_code_and_a_remedy) {
  if (!why_no_kvm(true).empty()) {
    RedoubtProcess redoubt({{"doctor"}});
    EXPECT_EQ(redoubt.wait_exit(), 4) << redoubt.output();
    EXPECT_TRUE(redoubt.says("→")) << redoubt.output();
    return;
  }
  const std::string config = suite_file("../../configs/hello.yaml").lexically_normal().string();
  RedoubtProcess redoubt({{"doctor", config, "--set=boot.kernel=/does/not/exist"}});

  EXPECT_EQ(redoubt.wait_exit(), 4) << redoubt.output();
  EXPECT_TRUE(redoubt.says("✗ guest kernel")) << redoubt.output();
}

// Only a kernel to find faults with has this option; the board has been booted with either.
TEST(BootDoctor, tells_whether_guests_lose_their_isolation_when_the_hypervisor_panics) {
  REDOUBT_NEEDS_KVM(true);
  utsname name{};
  ASSERT_EQ(::uname(&name), 0);
  const auto config = doctor::read_kernel_config("/", name.release);
  if (config.text.empty()) GTEST_SKIP() << "this kernel does not tell its configuration";
  const bool isolation_ends =
      config.text.find("\nCONFIG_PKVM_DISABLE_STAGE2_ON_PANIC=y") != std::string::npos;
  RedoubtProcess redoubt({{"doctor"}});

  EXPECT_EQ(redoubt.wait_exit(), 0) << redoubt.output();

  const std::string title = "guest memory stays out of reach when the hypervisor panics";
  EXPECT_TRUE(redoubt.says(title)) << redoubt.output();
  EXPECT_EQ(redoubt.says("✓ " + title), !isolation_ends) << redoubt.output();
}

}  // namespace
}  // namespace redoubt::suite
