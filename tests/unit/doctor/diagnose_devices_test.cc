// SPDX-License-Identifier: Apache-2.0
#include "vmm/doctor/diagnose_devices.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <linux/if_tun.h>
#include <unistd.h>

#include "tests/contains.h"
#include "vmm/base/unique_fd.h"

namespace redoubt::doctor {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kNetAdmin = uint64_t{1} << CAP_NET_ADMIN;

// A folder that stands for the root of a host, with images in it.
class DiagnoseDevicesTest : public testing::Test {
 protected:
  DiagnoseDevicesTest() {
    std::string pattern = (fs::temp_directory_path() / "redoubt-devices-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    host_.root = root_;
    host_.passt = "/usr/bin/passt";
    host_.virtiofsd = "/usr/libexec/virtiofsd";
  }
  ~DiagnoseDevicesTest() override { fs::remove_all(root_); }

  fs::path write(const fs::path& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
    return root_ / path;
  }

  void make_tap(const std::string& name, unsigned flags, const std::string& owner) {
    const fs::path folder = "sys/class/net/" + name;
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string text = "0x";
    for (int shift = 12; shift >= 0; shift -= 4) text += kHex[flags >> shift & 0xf];
    write(folder / "tun_flags", text + "\n");
    write(folder / "owner", owner + "\n");
    write(folder / "group", "-1\n");
  }

  Finding disk(const BlockOptions& options) {
    VmConfig config;
    config.disks = {options};
    return diagnose_disks(config, host_).back();
  }

  Finding network(const NetOptions& options) {
    VmConfig config;
    config.networks = {options};
    return diagnose_networks(config, host_).front();
  }

  static NetOptions tap(const std::string& name) {
    return {.name = "net0", .kind = NetKind::Tap, .tap = name};
  }

  fs::path root_;
  HostFacts host_;
};

TEST_F(DiagnoseDevicesTest, good_image_is_told_with_its_size) {
  const Finding finding = disk({.path = write("a.img", std::string(2048, 'x'))});

  EXPECT_EQ(finding.id, "disks[0]");
  EXPECT_EQ(finding.verdict, Verdict::Good) << finding.evidence;
  EXPECT_TRUE(contains(finding.evidence, "a raw image of 2KiB, writable")) << finding.evidence;
}

TEST_F(DiagnoseDevicesTest, image_that_is_missing_or_odd_is_bad) {
  const Finding missing = disk({.path = root_ / "gone.img"});
  EXPECT_EQ(missing.verdict, Verdict::Bad);
  EXPECT_TRUE(contains(missing.evidence, "No such file")) << missing.evidence;

  const Finding odd = disk({.path = write("odd.img", std::string(513, 'x'))});
  EXPECT_EQ(odd.verdict, Verdict::Bad);
  EXPECT_TRUE(contains(odd.evidence, "513 bytes")) << odd.evidence;
}

TEST_F(DiagnoseDevicesTest, image_that_is_locked_is_bad_for_a_writer) {
  const fs::path image = write("a.img", std::string(512, 'x'));
  const UniqueFd other(::open(image.c_str(), O_RDWR | O_CLOEXEC));
  struct flock lock {};
  lock.l_type = F_RDLCK;
  ASSERT_EQ(::fcntl(other.get(), F_OFD_SETLK, &lock), 0);

  EXPECT_EQ(disk({.path = image, .readonly = true}).verdict, Verdict::Good);
  const Finding writer = disk({.path = image});
  EXPECT_EQ(writer.verdict, Verdict::Bad);
  EXPECT_TRUE(contains(writer.evidence, "locked")) << writer.evidence;

  lock.l_type = F_WRLCK;
  ASSERT_EQ(::fcntl(other.get(), F_OFD_SETLK, &lock), 0);
  EXPECT_EQ(disk({.path = image, .readonly = true}).verdict, Verdict::Bad);
}

TEST_F(DiagnoseDevicesTest, disks_need_io_uring) {
  VmConfig config;
  EXPECT_TRUE(diagnose_disks(config, host_).empty());
  config.disks = {{.path = write("a.img", std::string(512, 'x'))}};
  EXPECT_EQ(diagnose_disks(config, host_).front().verdict, Verdict::Good);

  host_.io_uring_error = EPERM;

  const Finding finding = diagnose_disks(config, host_).front();
  EXPECT_EQ(finding.id, "guest-io-uring");
  EXPECT_EQ(finding.verdict, Verdict::Bad);
}

TEST_F(DiagnoseDevicesTest, network_of_passt_needs_passt) {
  EXPECT_EQ(network({.name = "net0"}).verdict, Verdict::Good);

  host_.passt.reset();

  EXPECT_EQ(network({.name = "net0"}).verdict, Verdict::Bad);
}

TEST_F(DiagnoseDevicesTest, tap_that_is_there_is_good_for_its_owner_and_administrators) {
  make_tap("mine", IFF_TAP, std::to_string(::geteuid()));
  make_tap("anyone", IFF_TAP, "-1");
  make_tap("theirs", IFF_TAP, "4242");

  EXPECT_EQ(network(tap("mine")).verdict, Verdict::Good);
  EXPECT_EQ(network(tap("anyone")).verdict, Verdict::Good);
  EXPECT_EQ(network(tap("theirs")).verdict, Verdict::Bad);
  host_.capabilities = kNetAdmin;
  EXPECT_EQ(network(tap("theirs")).verdict, Verdict::Good);
}

TEST_F(DiagnoseDevicesTest, tap_that_is_not_there_takes_the_right_to_make_it) {
  const Finding denied = network(tap("tap0"));
  EXPECT_EQ(denied.verdict, Verdict::Bad);
  EXPECT_TRUE(contains(denied.remedy, "ip tuntap add dev tap0 mode tap")) << denied.remedy;

  host_.capabilities = kNetAdmin;
  const Finding allowed = network(tap("tap0"));
  EXPECT_EQ(allowed.verdict, Verdict::Good);
  EXPECT_TRUE(contains(allowed.evidence, "can be made")) << allowed.evidence;
}

TEST_F(DiagnoseDevicesTest, interface_that_is_no_tap_or_has_one_queue_is_bad) {
  write("sys/class/net/eth0/ifindex", "2\n");
  make_tap("tun0", IFF_TUN, "-1");
  make_tap("single", IFF_TAP, "-1");
  make_tap("multi", IFF_TAP | IFF_MULTI_QUEUE, "-1");

  EXPECT_TRUE(contains(network(tap("eth0")).evidence, "no tap"));
  EXPECT_TRUE(contains(network(tap("tun0")).evidence, "no tap"));
  NetOptions several = tap("single");
  several.queues = 4;
  EXPECT_EQ(network(several).verdict, Verdict::Bad);
  several.tap = "multi";
  EXPECT_EQ(network(several).verdict, Verdict::Good);
  EXPECT_EQ(network(tap("multi")).verdict, Verdict::Good);
}

TEST_F(DiagnoseDevicesTest, tap_needs_the_nodes_of_tun_and_where_asked_for_vhost) {
  make_tap("tap0", IFF_TAP, "-1");
  host_.vhost_net_error = ENOENT;
  EXPECT_TRUE(contains(network(tap("tap0")).evidence, "without vhost-net"));
  NetOptions vhost = tap("tap0");
  vhost.vhost = VhostUse::On;
  EXPECT_EQ(network(vhost).verdict, Verdict::Bad);

  host_.tun_error = EACCES;
  EXPECT_EQ(network(tap("tap0")).verdict, Verdict::Bad);
}

TEST_F(DiagnoseDevicesTest, descriptor_of_another_process_is_noted) {
  EXPECT_EQ(network({.name = "net0", .kind = NetKind::Tap, .fd = 7}).verdict, Verdict::Note);
}

TEST_F(DiagnoseDevicesTest, vsock_needs_its_node_or_a_place_for_its_socket) {
  VmConfig config;
  config.vsock = VsockOptions{};
  EXPECT_EQ(diagnose_endpoints(config, host_).front().verdict, Verdict::Good);
  host_.vhost_vsock_error = ENOENT;
  EXPECT_EQ(diagnose_endpoints(config, host_).front().verdict, Verdict::Bad);

  config.vsock = VsockOptions{VsockKind::Unix, 3, root_ / "v.sock"};
  EXPECT_EQ(diagnose_endpoints(config, host_).front().verdict, Verdict::Good);
  config.vsock->path = root_ / "gone/v.sock";
  EXPECT_EQ(diagnose_endpoints(config, host_).front().verdict, Verdict::Bad);
}

TEST_F(DiagnoseDevicesTest, ports_are_looked_at_where_they_have_a_path) {
  VmConfig config;
  config.ports = {{"a", true, {ConsoleKind::Pty, {}}},
                  {"b", false, {ConsoleKind::Socket, root_ / "gone/b"}}};

  const Findings findings = diagnose_endpoints(config, host_);

  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].id, "ports[1]");
  EXPECT_EQ(findings[0].verdict, Verdict::Bad);
}

TEST_F(DiagnoseDevicesTest, share_needs_its_folder_and_virtiofsd) {
  VmConfig config;
  config.shares = {{"src", root_, false}};
  EXPECT_EQ(diagnose_endpoints(config, host_).front().verdict, Verdict::Good);

  config.shares[0].path = write("file", "x");
  EXPECT_TRUE(contains(diagnose_endpoints(config, host_).front().evidence, "no folder"));

  config.shares[0].path = root_;
  host_.virtiofsd.reset();
  EXPECT_TRUE(contains(diagnose_endpoints(config, host_).front().remedy, "package virtiofsd"));
}

TEST_F(DiagnoseDevicesTest, window_is_told_device_by_device) {
  VmConfig config;
  EXPECT_TRUE(diagnose_window(config).empty());
  config.rng = true;

  const Findings findings = diagnose_window(config);

  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].evidence, "2MiB, rng 64KiB");
}

}  // namespace
}  // namespace redoubt::doctor
