// SPDX-License-Identifier: Apache-2.0
#include "tests/board/report/environment.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/board/report/cpu_name.h"
#include "tests/board/report/describe_host.h"
#include "tests/board/report/host_reading.h"
#include "tests/board/report/sha256.h"

namespace redoubt::report {
namespace {

TEST(Sha256Test, it_is_the_hash_of_the_standard) {
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

std::string processor(const std::string& part, const std::string& variant) {
  return "processor\t: 0\nBogoMIPS\t: 125.00\nCPU implementer\t: 0x41\nCPU architecture: 8\n"
         "CPU variant\t: 0x" +
         variant + "\nCPU part\t: " + part + "\nCPU revision\t: 1\n\n";
}

TEST(CpusTextTest, processors_are_counted_by_kind) {
  EXPECT_EQ(cpus_text(processor("0xd0b", "4") + processor("0xd05", "2") + processor("0xd0b", "4")),
            "2 × Cortex-A76 r4p1, 1 × Cortex-A55 r2p1");
}

TEST(CpusTextTest, one_without_a_name_is_told_by_numbers) {
  EXPECT_EQ(cpus_text(processor("0xfff", "0")), "1 × implementer 0x41 part 0xfff r0p1");
}

TEST(CpusTextTest, another_architecture_tells_nothing) {
  EXPECT_EQ(cpus_text("processor : 0\nvendor_id : x\n"), "");
}

TEST(TaintTest, flags_have_their_letters_and_meanings) {
  EXPECT_EQ(taint_text(0), "0 (not tainted)");
  EXPECT_EQ(taint_text(64), "64 (U: asked for by a user)");
  EXPECT_EQ(taint_text(512 + 4096), "4608 (W: a warning, O: an out-of-tree module)");
  EXPECT_EQ(taint_text(std::nullopt), "unknown");
}

TEST(TaintTest, what_a_run_has_added_is_told) {
  Environment environment;
  EXPECT_EQ(taint_change(environment), "unknown");
  environment.taint_before = 4096;
  environment.taint_after = 4096;
  EXPECT_EQ(taint_change(environment), "none");
  environment.taint_after = 4096 + 64;
  EXPECT_NE(taint_change(environment).find("when the first protected VM is made"),
            std::string::npos);
  environment.taint_after = 4096 + 64 + 512;
  EXPECT_EQ(taint_change(environment), "U: asked for by a user, W: a warning");
}

HostReading reading() {
  HostReading reading;
  reading.facts.machine = "aarch64";
  reading.facts.kernel_release = "7.2.0";
  reading.facts.kvm.open_error = 0;
  reading.facts.taint = 0;
  reading.page_size = 16384;
  reading.kernel_log = {"CPU features: detected: GICv3 CPU interface",
                        "psci: PSCIv1.1 detected in firmware.",
                        "kvm [1]: Protected nVHE mode initialized successfully"};
  reading.facts.kernel_config = {.path = "/proc/config.gz",
                                 .text = "CONFIG_KVM=y\n# CONFIG_KSM is not set\nCONFIG_TUN=m\n"};
  return reading;
}

TEST(DescribeHostTest, what_the_kernel_says_of_itself_is_told) {
  const Environment environment = describe_host(reading());

  EXPECT_EQ(environment.value("el2.mode"), "protected, nVHE");
  EXPECT_EQ(environment.value("el2.owner"), "Linux: KVM is up");
  EXPECT_EQ(environment.value("el2.fwb"), "no");
  EXPECT_EQ(environment.value("kernel.page_size"), "16 KiB");
  EXPECT_EQ(environment.value("kernel.cpu_features"), "GICv3 CPU interface");
  EXPECT_EQ(environment.value("config.CONFIG_KVM"), "y");
  EXPECT_EQ(environment.value("config.CONFIG_KSM"), "not set");
  EXPECT_EQ(environment.value("config.CONFIG_TUN"), "m");
  EXPECT_EQ(environment.value("kernel.config"),
            sha256(reading().facts.kernel_config.text) + " (/proc/config.gz)");
  EXPECT_EQ(environment.value("no.such_fact"), "");
}

TEST(DescribeHostTest, every_mode_of_kvm_is_told_from_the_others) {
  const auto mode = [](const char* line) {
    HostReading host = reading();
    host.kernel_log = {line};
    return describe_host(host).value("el2.mode");
  };

  EXPECT_EQ(mode("kvm [1]: Protected hVHE mode initialized successfully"), "protected, hVHE");
  EXPECT_EQ(mode("kvm [1]: nVHE mode initialized successfully"), "nVHE, not protected");
  EXPECT_EQ(mode("kvm [1]: VHE mode initialized successfully"), "VHE, not protected");
  EXPECT_EQ(mode("kvm [1]: HYP mode not available"), "none: Linux was started at EL1");
}

TEST(DescribeHostTest, forced_write_back_is_told_from_the_log_of_the_boot_alone) {
  HostReading host = reading();
  host.kernel_log.push_back("CPU features: detected: Stage-2 Force Write-Back");
  EXPECT_EQ(describe_host(host).value("el2.fwb"), "yes");
  host.kernel_log.clear();
  EXPECT_EQ(describe_host(host).value("el2.fwb").find("unknown: "), 0U);
}

TEST(DescribeHostTest, the_patched_kernel_is_told_from_the_stock_one) {
  HostReading host = reading();
  EXPECT_EQ(describe_host(host).value("kernel.patched").find("unknown"), 0U);
  host.prefaults = false;
  EXPECT_EQ(describe_host(host).value("kernel.patched"), "no: stock");
  host.prefaults = true;
  EXPECT_EQ(describe_host(host).value("kernel.patched").find("yes"), 0U);
}

TEST(DescribeHostTest, what_the_doctor_is_not_content_with_is_lacking) {
  HostReading host = reading();
  host.facts.kvm.protected_vm_error = EINVAL;

  const Environment environment = describe_host(host);

  bool found = false;
  for (const doctor::Finding& finding : environment.lacks) {
    EXPECT_NE(finding.verdict, doctor::Verdict::Good) << finding.id;
    found |= finding.id == "protected-mode";
  }
  EXPECT_TRUE(found);
  EXPECT_EQ(environment.value("el2.protected_vm"), "no: KVM_CREATE_VM: Invalid argument");
}

TEST(EnvironmentJsonTest, it_goes_there_and_back) {
  Environment before = describe_host(reading());
  before.taint_after = 64;

  const Environment after = environment_from_json(to_json(before));

  EXPECT_EQ(to_json(after), to_json(before));
  EXPECT_EQ(after.groups.size(), before.groups.size());
  EXPECT_EQ(after.taint_after, 64U);
}

TEST(EnvironmentJsonTest, other_text_is_refused) {
  for (const char* text : {"", "{}", "[]", "{\"facts\": 1}", "{\"facts\": [{}]}"}) {
    EXPECT_THROW((void)environment_from_json(text), std::runtime_error) << text;
  }
}

class ReadHostTest : public testing::Test {
 protected:
  ReadHostTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "redoubt-host-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
  }
  ~ReadHostTest() override { std::filesystem::remove_all(root_); }

  void write(const std::filesystem::path& path, const std::string& text) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }

  std::filesystem::path root_;
};

TEST_F(ReadHostTest, a_board_with_a_device_tree_is_read) {
  write("sys/firmware/devicetree/base/model", std::string("A Board\0", 8));
  write("sys/firmware/devicetree/base/psci/compatible",
        std::string("arm,psci-1.0\0arm,psci\0", 22));
  write("dev/kmsg", "6,1,0,-;first line\n SUBSYSTEM=cpu\n6,2,5,-;second; line\n");
  write("proc/config.gz", "CONFIG_KVM=y\n");

  const HostReading host = read_host(root_);

  EXPECT_EQ(host.model, "A Board");
  EXPECT_EQ(host.psci, "arm,psci-1.0 arm,psci");
  EXPECT_TRUE(host.has_device_tree);
  EXPECT_FALSE(host.has_efi);
  EXPECT_EQ(host.kernel_log, (std::vector<std::string>{"first line", "second; line"}));
  EXPECT_EQ(host.facts.kernel_config.text, "CONFIG_KVM=y\n");
  EXPECT_EQ(host.facts.kernel_config.path, "/proc/config.gz");
}

TEST_F(ReadHostTest, a_board_with_dmi_is_read) {
  write("sys/class/dmi/id/sys_vendor", "Vendor\n");
  write("sys/class/dmi/id/product_name", "Product\n");
  write("sys/class/dmi/id/bios_vendor", "EDK II\n");
  write("sys/class/dmi/id/bios_version", "1.2\n");
  write("sys/class/dmi/id/bios_date", "01/02/2026\n");
  write("sys/firmware/efi/config_table", "");

  const HostReading host = read_host(root_);

  EXPECT_EQ(host.model, "Vendor Product");
  EXPECT_EQ(host.firmware, "EDK II 1.2 01/02/2026");
  EXPECT_TRUE(host.has_efi);
}

TEST_F(ReadHostTest, a_host_that_tells_nothing_is_described_as_unknown) {
  const Environment environment = describe_host(read_host(root_));

  EXPECT_EQ(environment.value("board.model"), "unknown");
  EXPECT_EQ(environment.value("board.memory"), "unknown");
  EXPECT_EQ(environment.value("el2.mode").find("unknown"), 0U);
  EXPECT_EQ(environment.value("kernel.config").find("unknown"), 0U);
  EXPECT_EQ(environment.taint_before, std::nullopt);
}

}  // namespace
}  // namespace redoubt::report
