// SPDX-License-Identifier: Apache-2.0
#include "vmm/config/load_config.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/config/config_testing.h"

namespace redoubt::config {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMiB = uint64_t{1} << 20;

// A folder of its own, gone afterwards.
class LoadConfigTest : public testing::Test {
 protected:
  LoadConfigTest() {
    std::string pattern = (fs::temp_directory_path() / "redoubt-config-XXXXXX").string();
    folder_ = fs::canonical(::mkdtemp(pattern.data()));
  }
  ~LoadConfigTest() override { fs::remove_all(folder_); }

  fs::path write(const fs::path& name, std::string_view text) {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }

  // Without the name of the folder, which is another one each time.
  std::string faults_of_file(const fs::path& file, const std::vector<std::string>& overrides = {}) {
    try {
      static_cast<void>(load_config(file, overrides));
      return {};
    } catch (const ConfigError& error) {
      std::string text = error.what();
      const std::string prefix = folder_.string() + "/";
      for (size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix)) {
        text.erase(at, prefix.size());
      }
      return text;
    }
  }

  fs::path folder_;
};

TEST(ParseConfig, least_configuration_has_the_defaults_of_the_struct) {
  const VmConfig config = load_text(kMinimal);
  VmConfig expected;
  expected.name = "test";
  expected.boot.kernel = "/vm/Image";
  EXPECT_EQ(config, expected);
}

TEST(ParseConfig, every_key_is_taken) {
  const VmConfig config = load_text(R"(
name: full
protected: false
cpus: 64
memory:
  size: 1GiB
  hugepages: never
  dma_window: 8MiB
boot:
  kernel: ../build/Image
  initrd: /srv/initrd
  cmdline: console=ttyAMA0 quiet
console:
  type: socket
  path: run/console
on_reset: exit
)");
  VmConfig expected;
  expected.name = "full";
  expected.protection = Protection::Unprotected;
  expected.vcpus = 64;
  expected.memory = {1024 * kMiB, Hugepages::Never, 8 * kMiB};
  expected.boot = {"/build/Image", "/srv/initrd", "console=ttyAMA0 quiet"};
  expected.console = {ConsoleKind::Socket, "/vm/run/console"};
  expected.on_reset = OnReset::Exit;
  EXPECT_EQ(config, expected);
}

TEST(ParseConfig, byte_counts_and_every_unit_are_sizes) {
  const auto size_of = [](const std::string& text) {
    return load_text("boot: {kernel: Image}\nmemory: {size: " + text + "}\n").memory.size;
  };
  EXPECT_EQ(size_of("33554432"), 32 * kMiB);
  EXPECT_EQ(size_of("32768KiB"), 32 * kMiB);
  EXPECT_EQ(size_of("\"32MiB\""), 32 * kMiB);
  EXPECT_EQ(size_of("2GiB"), 2048 * kMiB);
  EXPECT_EQ(size_of("1023GiB"), 1023 * 1024 * kMiB);
}

TEST(ParseConfig, window_may_fill_the_address_space) {
  const VmConfig config =
      load_text("boot: {kernel: Image}\nmemory: {size: 1022GiB, dma_window: 1GiB}\n");
  EXPECT_EQ(config.memory.dma_window, 1024 * kMiB);
}

TEST(ParseConfig, crlf_tabs_between_tokens_and_directives_are_fine) {
  EXPECT_EQ(
      load_text("%YAML 1.2\r\n---\r\nboot:\r\n  kernel:\tImage\t# x\r\n\t# y\r\n").boot.kernel,
      "/vm/Image");
}

TEST(ParseConfig, quoted_and_folded_strings_are_strings) {
  const VmConfig config =
      load_text("name: '42'\nboot:\n  kernel: Image\n  cmdline: >-\n    a\n    b\n");
  EXPECT_EQ(config.name, "42");
  EXPECT_EQ(config.boot.cmdline, "a b");
}

TEST(ParseConfig, pty_takes_a_path_or_none) {
  EXPECT_EQ(load_text("boot: {kernel: I}\nconsole: {type: pty}\n").console.path, "");
  EXPECT_EQ(load_text("boot: {kernel: I}\nconsole: {type: pty, path: p}\n").console.path, "/vm/p");
}

TEST(ParseConfig, only_leading_dots_of_a_path_are_resolved_by_name) {
  EXPECT_EQ(load_text("boot: {kernel: ./../a/../b}\n").boot.kernel, "/a/../b");
  EXPECT_EQ(load_text("boot: {kernel: ../../../a}\n").boot.kernel, "/a");
}

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
  EXPECT_EQ(load_text(kMinimal, {"boot.kernel=k"}).boot.kernel, fs::current_path() / "k");
}

TEST(Overrides, faults_name_the_option) {
  EXPECT_EQ(faults_of(kMinimal, {"memory.sise=1GiB"}),
            "--set memory.sise: unknown key, did you mean memory.size? (known here: size, "
            "hugepages and dma_window)");
  EXPECT_EQ(faults_of(kMinimal, {"cpus"}),
            "--set cpus: expected KEY=VALUE, such as memory.size=1GiB");
  EXPECT_EQ(faults_of(kMinimal, {"memory=1GiB"}),
            "--set memory: is a section: set one of its keys, size, hugepages or dma_window");
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

TEST_F(LoadConfigTest, files_are_found_from_the_folder_of_the_configuration) {
  write("build/Image", "x");
  const fs::path file = write("configs/vm.yaml", "boot: {kernel: ../build/Image}\n");
  const VmConfig config = load_config(file);
  EXPECT_EQ(config.boot.kernel, folder_ / "build/Image");
  EXPECT_EQ(config.name, "vm");
}

TEST_F(LoadConfigTest, folder_behind_a_link_is_the_real_one) {
  write("build/Image", "x");
  write("configs/vm.yaml", "boot: {kernel: ../build/Image}\n");
  fs::create_directories(folder_ / "elsewhere");
  fs::create_directory_symlink(folder_ / "configs", folder_ / "elsewhere/link");
  EXPECT_EQ(load_config(folder_ / "elsewhere/link/vm.yaml").boot.kernel, folder_ / "build/Image");
}

TEST_F(LoadConfigTest, byte_order_mark_is_skipped) {
  write("Image", "x");
  const fs::path file = write("vm.yaml",
                              "\xef\xbb\xbf"
                              "boot: {kernel: Image}\n");
  EXPECT_EQ(load_config(file).vcpus, 1U);
}

TEST_F(LoadConfigTest, missing_files_are_reported_at_the_key) {
  fs::create_directories(folder_ / "dir");
  write("empty", "");
  const fs::path file = write("vm.yaml",
                              "boot:\n  kernel: Image\n  initrd: empty\n"
                              "console: {type: file, path: gone/log}\n");
  EXPECT_EQ(faults_of_file(file),
            "vm.yaml:2:11: boot.kernel: Image cannot be opened: No such file or directory\n"
            "vm.yaml:3:11: boot.initrd: empty is empty\n"
            "vm.yaml:4:29: console.path: gone/log cannot be created: gone: No such file or "
            "directory");
  EXPECT_EQ(faults_of_file(file, {"boot.kernel=" + (folder_ / "dir").string(),
                                  "boot.initrd=", "console.path=" + (folder_ / "dir").string()}),
            "--set boot.kernel: dir is a folder, not a file\n"
            "--set console.path: dir is a folder, not a file");
  EXPECT_EQ(faults_of_file(file, {"boot.kernel=/dev/null", "boot.initrd=",
                                  "console.path=" + (folder_ / "empty/log").string()}),
            "--set boot.kernel: /dev/null is not a regular file\n"
            "--set console.path: empty/log cannot be created: empty is not a folder");
}

TEST_F(LoadConfigTest, what_is_no_configuration_file_is_refused) {
  EXPECT_EQ(faults_of_file(folder_ / "gone.yaml"),
            "gone.yaml: cannot be opened: No such file or directory");
  fs::create_directories(folder_ / "dir");
  EXPECT_EQ(faults_of_file(folder_ / "dir"), "dir: is a folder, not a file");
  ASSERT_EQ(::mkfifo((folder_ / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(faults_of_file(folder_ / "fifo"), "fifo: is not a regular file");
  write("large.yaml", std::string((size_t{1} << 20) + 1, '#'));
  EXPECT_EQ(faults_of_file(folder_ / "large.yaml"),
            "large.yaml: is larger than 1MiB: not a configuration");
  fs::create_symlink("loop", folder_ / "loop");
  EXPECT_EQ(faults_of_file(folder_ / "loop"),
            "loop: cannot be opened: Too many levels of symbolic links");
}

TEST_F(LoadConfigTest, unreadable_file_is_refused) {
  const fs::path file = write("vm.yaml", kMinimal);
  ASSERT_EQ(::chmod(folder_.c_str(), 0755), 0);
  ASSERT_EQ(::chmod(file.c_str(), 0), 0);
  const uid_t user = ::geteuid();
  constexpr uid_t kNobody = 65534;
  // Root may read everything.
  ASSERT_EQ(::seteuid(user == 0 ? kNobody : user), 0);
  const std::string fault = faults_of_file(file);
  ASSERT_EQ(::seteuid(user), 0);
  EXPECT_EQ(fault, "vm.yaml: cannot be opened: Permission denied");
}

}  // namespace
}  // namespace redoubt::config
