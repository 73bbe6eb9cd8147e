// SPDX-License-Identifier: Apache-2.0
//
// The Debian system itself: its programs on the host, and a boot of it from a virtio disk, by the
// configuration that users are given for that.
#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/board/suite/support/debian.h"
#include "tests/board/suite/support/debian_guest.h"
#include "tests/board/suite/support/example.h"
#include "tests/board/suite/support/needs.h"
#include "tests/board/suite/support/scratch_folder.h"

namespace redoubt::suite {
namespace {

class VirtioHostTool : public testing::TestWithParam<const char*> {};

TEST_P(VirtioHostTool, runs) {
  REDOUBT_NEEDS_DEBIAN();
  const Ended tool = run_debian_program({GetParam(), "--version"});

  EXPECT_EQ(tool.status, 0) << tool.output;
}

INSTANTIATE_TEST_SUITE_P(Tools, VirtioHostTool,
                         testing::Values("fio", "iperf3", "passt", "virtiofsd", "python3"),
                         [](const auto& tool) { return std::string(tool.param); });

TEST(VirtioHostTools, user_namespaces_can_be_made) {
  REDOUBT_NEEDS_DEBIAN();
  const Ended tool = run_debian_program({"unshare", "--user", "true"});

  EXPECT_EQ(tool.status, 0) << tool.output;
}

TEST(VirtioHostTools, folders_of_the_host_under_tmp_are_the_same_there) {
  REDOUBT_NEEDS_DEBIAN();
  const Ended made = run_debian_program({"mktemp", "/tmp/redoubt-debian-XXXXXX"});
  ASSERT_EQ(made.status, 0) << made.output;
  const std::string path = made.output.substr(0, made.output.find('\n'));

  EXPECT_EQ(::unlink(path.c_str()), 0) << path;
}

TEST(VirtioHostTools, kernel_tests_of_vsock_start) {
  REDOUBT_NEEDS_DEBIAN();
  const Ended tool = run_debian_program({"vsock_test", "--list"});

  EXPECT_NE(tool.output.find("SOCK_STREAM connection reset"), std::string::npos) << tool.output;
}

class VirtioDebian : public testing::TestWithParam<bool> {};

TEST_P(VirtioDebian, boots_to_a_login_and_powers_off_with_a_clean_disk) {
  REDOUBT_NEEDS_KVM(GetParam());
  REDOUBT_NEEDS_DEBIAN();
  const ScratchFolder folder;
  place_examples(folder);
  std::filesystem::create_symlink(debian_disks().disk, example_guest_file(folder, "debian.img"));
  const std::string protection = GetParam() ? "true" : "false";
  DebianGuest guest(DebianBoot::Login, {{"run", example_config(folder, "debian.yaml"),
                                         "--set=protected=" + protection}});
  ASSERT_TRUE(guest.log_in()) << guest.process().output();

  EXPECT_EQ(guest.run("id -un").output, "root\n");
  EXPECT_EQ(guest.run("systemctl is-system-running").output, "running\n");
  EXPECT_EQ(guest.run("echo kept >/kept && sync").status, 0);

  EXPECT_EQ(guest.power_off(), 0) << guest.process().output();
  const Ended check = run_debian_program({"e2fsck", "-fn", debian_disks().disk});
  EXPECT_EQ(check.status, 0) << check.output;
  const Ended kept = run_debian_program({"debugfs", "-R", "cat /kept", debian_disks().disk});
  EXPECT_NE(kept.output.find("kept\n"), std::string::npos) << kept.output;
}

INSTANTIATE_TEST_SUITE_P(Protection, VirtioDebian, testing::Bool(), [](const auto& parameter) {
  return std::string(parameter.param ? "protected" : "unprotected");
});

}  // namespace
}  // namespace redoubt::suite
