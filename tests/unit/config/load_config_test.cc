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

#include "tests/sizes.h"
#include "tests/unit/config/config_testing.h"

namespace redoubt::config {
namespace {

namespace fs = std::filesystem;

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
  prefault: true
  dma_window: 8MiB
boot:
  kernel: ../build/Image
  initrd: /srv/initrd
  cmdline: console=ttyAMA0 quiet
console:
  type: socket
  path: run/console
on_reset: exit
rng: true
disks:
  - path: disk.img
    readonly: true
    direct: true
    discard: false
    serial: "root disk"
    queues: 64
  - path: /dev/sda
networks:
  - name: lan
    type: tap
    tap: tap0
    mac: 52:54:00:AB:cd:ef
    queues: 8
    vhost: "off"
  - {type: tap, fd: 3}
  - {}
ports:
  - {name: hvc0, type: stdio}
  - {name: agent, tty: false, type: file, path: ../agent.log}
vsock:
  type: unix
  cid: 42
  path: v.sock
shares:
  - tag: src
    path: ../src
    readonly: true
)");
  VmConfig expected;
  expected.name = "full";
  expected.protection = Protection::Unprotected;
  expected.vcpus = 64;
  expected.memory = {1024 * kMiB, Hugepages::Never, true, 8 * kMiB};
  expected.boot = {"/build/Image", "/srv/initrd", "console=ttyAMA0 quiet"};
  expected.console = {ConsoleKind::Socket, "/vm/run/console"};
  expected.on_reset = OnReset::Exit;
  expected.rng = true;
  expected.disks = {{"/vm/disk.img", true, true, false, "root disk", 64}, {.path = "/dev/sda"}};
  expected.networks = {{.name = "lan",
                        .kind = NetKind::Tap,
                        .tap = "tap0",
                        .mac = MacAddress{0x52, 0x54, 0, 0xab, 0xcd, 0xef},
                        .queues = 8,
                        .vhost = VhostUse::Off},
                       {.name = "net1", .kind = NetKind::Tap, .fd = 3},
                       {.name = "net2"}};
  expected.ports = {{"hvc0", true, {ConsoleKind::Stdio, {}}},
                    {"agent", false, {ConsoleKind::File, "/agent.log"}}};
  expected.vsock = VsockOptions{VsockKind::Unix, 42, "/vm/v.sock"};
  expected.shares = {{"src", "/src", true}};
  EXPECT_EQ(config, expected);
}

TEST(ParseConfig, vsock_is_there_if_its_section_is) {
  EXPECT_EQ(load_text(kMinimal).vsock, std::nullopt);
  EXPECT_EQ(load_text("boot: {kernel: I}\nvsock: {}\n").vsock, VsockOptions{});
}

TEST(ParseConfig, lists_may_be_empty) {
  EXPECT_TRUE(load_text("boot: {kernel: I}\ndisks: []\nshares: []\n").disks.empty());
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
  fs::create_directories(folder_ / "dir2");
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
                                  "boot.initrd=", "console.path=" + (folder_ / "dir2").string()}),
            "--set boot.kernel: dir is a folder, not a file\n"
            "--set console.path: dir2 is a folder, not a file");
  EXPECT_EQ(faults_of_file(file, {"boot.kernel=/dev/null", "boot.initrd=",
                                  "console.path=" + (folder_ / "empty/log").string()}),
            "--set boot.kernel: /dev/null is not a regular file\n"
            "--set console.path: empty/log cannot be created: empty is not a folder");
}

TEST_F(LoadConfigTest, files_of_devices_are_looked_for) {
  write("Image", "x");
  write("odd.img", std::string(513, 'x'));
  write("empty.img", "");
  write("good.img", std::string(1024, 'x'));
  const fs::path file = write("vm.yaml",
                              "boot: {kernel: Image}\nconsole: {type: none}\ndisks:\n"
                              "  - path: gone.img\n  - path: odd.img\n  - path: empty.img\n"
                              "  - path: .\n  - path: good.img\n"
                              "ports:\n  - {name: p, type: file, path: gone/log}\n"
                              "vsock: {type: unix, path: gone/v}\n"
                              "shares:\n  - {tag: a, path: gone}\n  - {tag: b, path: Image}\n"
                              "  - {tag: c, path: .}\n");
  EXPECT_EQ(faults_of_file(file),
            "vm.yaml:4:11: disks[0].path: gone.img cannot be examined: No such file or directory\n"
            "vm.yaml:5:11: disks[1].path: odd.img is no disk image: its 513 bytes are no multiple "
            "of 512 (raw images only)\n"
            "vm.yaml:6:11: disks[2].path: empty.img is empty\n"
            "vm.yaml:7:11: disks[3].path: " +
                folder_.string() +
                " is neither a regular file nor a block device\n"
                "vm.yaml:10:33: ports[0].path: gone/log cannot be created: gone: No such file or "
                "directory\n"
                "vm.yaml:11:27: vsock.path: gone/v cannot be created: gone: No such file or "
                "directory\n"
                "vm.yaml:13:20: shares[0].path: gone cannot be examined: No such file or "
                "directory\n"
                "vm.yaml:14:20: shares[1].path: Image is no folder");
}

TEST_F(LoadConfigTest, image_behind_a_link_is_the_same_image) {
  write("Image", "x");
  write("a.img", std::string(512, 'x'));
  fs::create_symlink("a.img", folder_ / "b.img");
  const fs::path file =
      write("vm.yaml", "boot: {kernel: Image}\ndisks: [{path: a.img}, {path: b.img}]\n");
  EXPECT_EQ(faults_of_file(file),
            "vm.yaml:2:31: disks[1].path: b.img is in use by disks[0].path: only readers can share "
            "a file");
  EXPECT_EQ(faults_of_file(file, {"disks[0].readonly=true", "disks[1].readonly=true"}), "");
}

TEST_F(LoadConfigTest, image_that_may_not_be_written_has_to_be_readonly) {
  write("Image", "x");
  const fs::path image = write("a.img", std::string(512, 'x'));
  const fs::path file = write("vm.yaml", "boot: {kernel: Image}\ndisks: [{path: a.img}]\n");
  ASSERT_EQ(::chmod(folder_.c_str(), 0755), 0);
  ASSERT_EQ(::chmod(image.c_str(), 0444), 0);
  const uid_t user = ::geteuid();
  constexpr uid_t kNobody = 65534;
  // Root may write everything.
  ASSERT_EQ(::seteuid(user == 0 ? kNobody : user), 0);
  const std::string writable = faults_of_file(file);
  const std::string readonly = faults_of_file(file, {"disks[0].readonly=true"});
  ASSERT_EQ(::seteuid(user), 0);
  EXPECT_EQ(writable,
            "vm.yaml:2:16: disks[0].path: a.img cannot be opened for writing: Permission denied");
  EXPECT_EQ(readonly, "");
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
