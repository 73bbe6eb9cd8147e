// SPDX-License-Identifier: Apache-2.0
//
// The --set options of the command line.
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/sizes.h"
#include "tests/unit/config/config_testing.h"

namespace redoubt::config {
namespace {

TEST(Overrides, replace_values_of_the_file_and_the_last_one_counts) {
  const VmConfig config =
      load_text("boot: {kernel: Image}\ncpus: 2\n", {"cpus=3", "memory.size=1GiB", "cpus=4"});
  EXPECT_EQ(config.vcpus, 4U);
  EXPECT_EQ(config.memory.size, 1024 * kMiB);
}

TEST(Overrides, are_strings_where_strings_are_wanted) {
  const VmConfig config =
      load_text(kMinimal, {"name=42", "boot.cmdline=a=b 'c' # d: [e]", "protected=false"});
  EXPECT_EQ(config.name, "42");
  EXPECT_EQ(config.boot.cmdline, "a=b 'c' # d: [e]");
  EXPECT_EQ(config.protection, Protection::Unprotected);
}

TEST(Overrides, empty_value_is_the_default) {
  const VmConfig config =
      load_text("boot: {kernel: I, initrd: x, cmdline: y}\nname: n\nconsole: {type: pty, path: p}",
                {"boot.initrd=", "boot.cmdline=", "name=", "console.type=", "console.path="});
  VmConfig expected;
  expected.name = "test";
  expected.boot.kernel = "/vm/I";
  EXPECT_EQ(config, expected);
}

TEST(Overrides, can_give_what_the_file_lacks) {
  EXPECT_EQ(load_text("cpus: 1\n", {"boot.kernel=/k"}).boot.kernel, "/k");
}

TEST(Overrides, paths_start_from_the_current_directory) {
  EXPECT_EQ(load_text(kMinimal, {"boot.kernel=k"}).boot.kernel,
            std::filesystem::current_path() / "k");
}

TEST(Overrides, reach_into_lists) {
  const VmConfig config = load_text(
      "boot: {kernel: I}\ndisks: [{path: a}, {path: b}]\nnetworks: [{}]\n",
      {"disks[1].path=/c", "disks[1].readonly=true", "networks[0].mac=02:00:00:00:00:01"});
  ASSERT_EQ(config.disks.size(), 2U);
  EXPECT_EQ(config.disks[0].path, "/vm/a");
  EXPECT_EQ(config.disks[1].path, "/c");
  EXPECT_TRUE(config.disks[1].readonly);
  EXPECT_EQ(config.networks[0].mac, (MacAddress{2, 0, 0, 0, 0, 1}));
}

TEST(Overrides, append_the_next_item_of_a_list) {
  const VmConfig config = load_text("boot: {kernel: I}\ndisks: [{path: a}]\n",
                                    {"disks[1].path=/b", "disks[1].serial=b", "disks[2].path=/c",
                                     "shares[0].tag=t", "shares[0].path=/t"});
  ASSERT_EQ(config.disks.size(), 3U);
  EXPECT_EQ(config.disks[1].serial, "b");
  EXPECT_EQ(config.disks[2].path, "/c");
  EXPECT_EQ(config.shares, (std::vector<ShareOptions>{{"t", "/t", false}}));
}

TEST(Overrides, make_an_optional_section) {
  EXPECT_EQ(load_text(kMinimal, {"vsock.cid=7"}).vsock, (VsockOptions{VsockKind::Vhost, 7, {}}));
}

TEST(Overrides, empty_value_of_a_section_is_its_default) {
  const VmConfig config =
      load_text("boot: {kernel: I}\nmemory: {size: 1GiB}\ndisks: [{path: a}]\nvsock: {}\n",
                {"memory=", "disks=", "vsock=", "disks[0].path=/b"});
  VmConfig expected;
  expected.name = "test";
  expected.boot.kernel = "/vm/I";
  expected.disks = {{.path = "/b"}};
  EXPECT_EQ(config, expected);
}

TEST(Overrides, faults_of_lists_name_the_item) {
  const std::string_view text = "boot: {kernel: I}\ndisks: [{path: a}, {path: b}]\n";
  EXPECT_EQ(faults_of(text, {"disks[1].seriall=x"}),
            "--set disks[1].seriall: unknown key, did you mean disks[1].serial? (known here: path, "
            "readonly, direct, discard, serial and queues)");
  EXPECT_EQ(faults_of(text, {"disk[1].serial=x"}),
            "--set disk[1].serial: unknown key, did you mean disks[N].serial? (known here: name, "
            "protected, cpus, on_reset, rng, memory, boot, console, disks, networks, ports, vsock "
            "and shares)");
  EXPECT_EQ(faults_of(text, {"disks[3].path=/x"}), "--set disks[3].path: the next one is disks[2]");
  EXPECT_EQ(faults_of(text, {"disks[2].serial=x"}),
            "--set disks[2].path: is required, and not given");
  EXPECT_EQ(faults_of(text, {"disks[0].queues=65"}),
            "--set disks[0].queues: expected an integer from 1 to 64, got \"65\"");
  EXPECT_EQ(faults_of(text, {"disks.path=/x"}),
            "--set disks.path: disks is a list: write disks[0].path");
  EXPECT_EQ(faults_of(text, {"disks=/x"}),
            "--set disks: is a list: set a key of one item, such as disks[0].path");
  EXPECT_EQ(faults_of(text, {"disks[1]=x"}),
            "--set disks[1]: set one of its keys, path, readonly, direct, discard, serial or "
            "queues");
  EXPECT_EQ(faults_of(text, {"memory[0].size=1GiB"}),
            "--set memory[0].size: memory is no list: it takes no index");
  for (const std::string index : {"", "x", "-1", "1x", "18446744073709551616", "0]["}) {
    EXPECT_EQ(faults_of(text, {"disks[" + index + "].path=/x"}),
              "--set disks[" + index +
                  "].path: expected a number between the brackets, such as disks[0]");
  }
  EXPECT_NE(faults_of(text, {"disks[0.path=/x"}), "");
  EXPECT_NE(faults_of(text, {"[0].path=/x"}), "");
  EXPECT_NE(faults_of(text, {"disks[0].=/x"}), "");
}

TEST(Overrides, faults_name_the_option) {
  EXPECT_EQ(faults_of(kMinimal, {"memory.sise=1GiB"}),
            "--set memory.sise: unknown key, did you mean memory.size? (known here: size, "
            "hugepages, prefault and dma_window)");
  EXPECT_EQ(faults_of(kMinimal, {"cpus"}),
            "--set cpus: expected KEY=VALUE, such as memory.size=1GiB");
  EXPECT_EQ(faults_of(kMinimal, {"memory=1GiB"}),
            "--set memory: is a section: set one of its keys, size, hugepages, prefault or "
            "dma_window");
  EXPECT_EQ(faults_of(kMinimal, {"cpus=many"}),
            "--set cpus: expected an integer from 1 to 64, got \"many\"");
  EXPECT_EQ(faults_of(kMinimal, {"name=\xff"}), "--set name: not UTF-8");
  EXPECT_EQ(faults_of(kMinimal, {""}), "--set : expected KEY=VALUE, such as memory.size=1GiB");
}

TEST(Overrides, come_after_the_faults_of_the_file) {
  EXPECT_EQ(faults_of("boot: {kernel: Image}\ncpus: 0\n", {"cpus=x"}),
            "test.yaml:2:7: cpus: expected an integer from 1 to 64, got \"0\"\n"
            "--set cpus: expected an integer from 1 to 64, got \"x\"");
}

TEST(Overrides, are_at_fault_where_they_contradict_the_file) {
  EXPECT_EQ(
      faults_of("boot: {kernel: I}\nconsole: {type: file, path: p}\n", {"console.type=stdio"}),
      "--set console.type: console.type stdio takes no console.path");
}

TEST(Overrides, cannot_take_the_kernel_away) {
  EXPECT_EQ(faults_of(kMinimal, {"boot.kernel="}),
            "test.yaml:1:1: boot.kernel: is required, and not given");
}

}  // namespace
}  // namespace redoubt::config
