// SPDX-License-Identifier: Apache-2.0
//
// The proof and the device tree, as a user meets them on a host with pKVM.
#include <csignal>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/board/suite/support/needs.h"
#include "tests/board/suite/support/redoubt_process.h"
#include "tests/board/suite/support/scratch_folder.h"
#include "tests/board/suite/support/suite_dir.h"

namespace redoubt::suite {
namespace {

class BootProve : public testing::Test {
 protected:
  // A number of the report.
  uint64_t reported(const std::string& key) {
    std::ifstream file(report_);
    const std::string wanted = "\"" + key + "\": ";
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with(wanted)) return std::stoull(line.substr(wanted.size()));
    }
    ADD_FAILURE() << "no " << key << " in " << report_;
    return 0;
  }

  // How the report says that a page was met.
  std::string access_to(uint64_t address) {
    std::ifstream file(report_);
    for (std::string line; std::getline(file, line);) {
      std::istringstream words(line);
      std::string key;
      std::string start;
      std::string end;
      std::string access;
      words >> key >> start >> key >> end >> key >> access;
      if (key != "\"access\":") continue;
      const auto number = [](const std::string& text) {
        return std::stoull(text.substr(1), nullptr, 16);
      };
      if (number(start) <= address && address < number(end))
        return access.substr(0, access.find('}'));
    }
    return {};
  }

  ScratchFolder directory_;
  std::string report_ = directory_ / "proof.json";
};

TEST_F(BootProve, secret_page_is_refused_and_the_secret_survives_the_proof) {
  REDOUBT_NEEDS_KVM(true);
  RedoubtProcess redoubt({run_linux({.mode = "secret", .more = {"--prove-report=" + report_}})});
  ASSERT_TRUE(redoubt.wait_for("secret: waiting")) << redoubt.output();
  const std::string& text = redoubt.output();
  const uint64_t address =
      std::stoull(text.substr(text.find("secret: address ") + 16), nullptr, 16);

  redoubt.signal(SIGUSR1);
  ASSERT_TRUE(redoubt.wait_for("never touched")) << redoubt.output();
  EXPECT_EQ(access_to(address), "\"refused\"") << std::hex << address;
  redoubt.type("\n");

  EXPECT_EQ(redoubt.wait_exit(), 0) << redoubt.output();
  EXPECT_TRUE(redoubt.says("secret: digest unchanged")) << redoubt.output();
}

TEST_F(BootProve, counts_add_up_over_ram_and_window) {
  REDOUBT_NEEDS_KVM(true);
  RedoubtProcess redoubt({run_linux(
      {.more = {"--set=memory.dma_window=8MiB", "--prove", "--prove-report=" + report_}})});

  EXPECT_EQ(redoubt.wait_exit(), 0) << redoubt.output();

  const uint64_t total = reported("pages_total");
  EXPECT_EQ(total, (128U + 8U) * 256U);
  EXPECT_EQ(reported("pages_refused") + reported("pages_shared") + reported("pages_never_touched"),
            total);
  EXPECT_EQ(reported("pages_refused") + reported("pages_shared"), reported("pages_donated"));
  // Linux shares its swiotlb at boot, and the window when the first device asks for it: here none.
  EXPECT_GT(reported("pages_shared"), 0U);
  EXPECT_GT(reported("pages_refused"), 1000U);
  EXPECT_EQ(access_to(0x4800'0000), "\"not-present\"");
}

TEST_F(BootProve, unprotected_guest_is_said_to_be_open) {
  REDOUBT_NEEDS_KVM(false);
  RedoubtProcess redoubt({run_linux({.is_protected = false, .more = {"--prove"}})});

  EXPECT_EQ(redoubt.wait_exit(), 0) << redoubt.output();

  EXPECT_TRUE(redoubt.says("not protected")) << redoubt.output();
}

// Pausing, trying and resuming must not cost the guest anything but time.
TEST_F(BootProve, many_proofs_do_not_harm_a_busy_guest) {
  REDOUBT_NEEDS_KVM(true);
  RedoubtProcess redoubt({run_linux({.cpus = 2, .memory = "64MiB", .mode = "eat=32M"})});
  ASSERT_TRUE(redoubt.wait_for("redoubt-guest: userspace reached")) << redoubt.output();

  for (unsigned i = 1; i <= 10; ++i) {
    redoubt.signal(SIGUSR1);
    if (!redoubt.wait_for("never touched", i)) break;
  }

  EXPECT_EQ(redoubt.wait_exit(), 0) << redoubt.output();
  EXPECT_TRUE(redoubt.says("eat: done")) << redoubt.output();
}

TEST(BootDtb, is_a_device_tree_of_the_configured_guest) {
  const std::string config = suite_file("../../configs/hello.yaml").lexically_normal().string();
  RedoubtProcess redoubt({{"dtb", config}});

  EXPECT_EQ(redoubt.wait_exit(), 0) << redoubt.output();

  EXPECT_TRUE(redoubt.output().starts_with("\xd0\x0d\xfe\xed"));
  EXPECT_TRUE(redoubt.says("pl011@9000000"));
  EXPECT_TRUE(redoubt.says("arm,gic-v3"));
}

}  // namespace
}  // namespace redoubt::suite
