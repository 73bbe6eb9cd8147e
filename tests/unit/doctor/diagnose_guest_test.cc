// SPDX-License-Identifier: Apache-2.0
#include "vmm/doctor/diagnose_guest.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/unit/boot/payload_builder.h"

namespace redoubt::doctor {
namespace {

constexpr std::string_view kAllOptions =
    "CONFIG_SERIAL_AMBA_PL011_CONSOLE=y\nCONFIG_BLK_DEV_INITRD=y\nCONFIG_ARM_PKVM_GUEST=y\n"
    "CONFIG_DMA_RESTRICTED_POOL=y\nCONFIG_VIRTIO_MMIO=y\nCONFIG_VIRTIO_BLK=y\n"
    "CONFIG_VIRTIO_NET=y\nCONFIG_VIRTIO_CONSOLE=y\nCONFIG_VIRTIO_VSOCKETS=y\n"
    "CONFIG_HW_RANDOM_VIRTIO=y\nCONFIG_VIRTIO_FS=y\n";

std::string without(std::string_view line) {
  std::string text(kAllOptions);
  text.erase(text.find(line), line.size());
  return text;
}

// What is said of a kernel with these options for a guest with one of each device.
Finding kernel_finding(const std::string& options, VmConfig config) {
  using boot::bytes_of;
  using boot::concatenate;
  const boot::Bytes packed = boot::gzip(bytes_of(options));
  const boot::Bytes marked =
      concatenate(concatenate(bytes_of("IKCFG_ST"), packed), bytes_of("IKCFG_ED"));
  const boot::MemoryFile kernel(concatenate(boot::make_image({}), marked));
  config.boot.kernel = kernel.path();
  for (const Finding& finding : diagnose_guest(config, HostFacts())) {
    if (finding.id == "guest-kernel-config") return finding;
  }
  ADD_FAILURE() << "nothing is said of the kernel";
  return {};
}

VmConfig with_devices() {
  VmConfig config;
  config.disks.resize(1);
  config.networks.resize(1);
  config.ports.resize(1);
  config.vsock.emplace();
  config.rng = true;
  config.shares.resize(1);
  return config;
}

TEST(DiagnoseGuest, kernel_with_all_drivers_is_good) {
  const Finding finding = kernel_finding(std::string(kAllOptions), with_devices());

  EXPECT_EQ(finding.verdict, Verdict::Good) << finding.evidence;
}

TEST(DiagnoseGuest, each_driver_that_is_missing_is_named) {
  for (const std::string option :
       {"CONFIG_ARM_PKVM_GUEST", "CONFIG_DMA_RESTRICTED_POOL", "CONFIG_VIRTIO_MMIO",
        "CONFIG_VIRTIO_BLK", "CONFIG_VIRTIO_NET", "CONFIG_VIRTIO_CONSOLE", "CONFIG_VIRTIO_VSOCKETS",
        "CONFIG_HW_RANDOM_VIRTIO", "CONFIG_VIRTIO_FS"}) {
    const Finding finding = kernel_finding(without(option + "=y\n"), with_devices());

    EXPECT_EQ(finding.verdict, Verdict::Bad) << option;
    EXPECT_NE(finding.evidence.find(option + " ("), std::string::npos) << finding.evidence;
  }
}

TEST(DiagnoseGuest, drivers_of_devices_that_are_not_there_are_not_needed) {
  EXPECT_EQ(kernel_finding("CONFIG_SERIAL_AMBA_PL011_CONSOLE=y\n", VmConfig()).verdict,
            Verdict::Good);
}

TEST(DiagnoseGuest, unprotected_guest_needs_no_window) {
  VmConfig config = with_devices();
  config.protection = Protection::Unprotected;

  EXPECT_EQ(kernel_finding(without("CONFIG_DMA_RESTRICTED_POOL=y\n"), config).verdict,
            Verdict::Good);
}

TEST(DiagnoseGuest, modules_will_do_with_an_initrd_alone) {
  const std::string options = without("CONFIG_VIRTIO_BLK=y\n") + "CONFIG_VIRTIO_BLK=m\n";
  VmConfig config = with_devices();
  EXPECT_EQ(kernel_finding(options, config).verdict, Verdict::Bad);

  config.boot.initrd = "/initrd";

  const Finding finding = kernel_finding(options, config);
  EXPECT_EQ(finding.verdict, Verdict::Good);
  EXPECT_NE(finding.evidence.find("1 as modules"), std::string::npos) << finding.evidence;
}

}  // namespace
}  // namespace redoubt::doctor
