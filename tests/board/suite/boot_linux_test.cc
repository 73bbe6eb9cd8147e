// SPDX-License-Identifier: Apache-2.0
//
// Linux guests from the command line to power-off.
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <tuple>

#include <gtest/gtest.h>

#include "tests/board/suite/support/guest_ram.h"
#include "tests/board/suite/support/needs.h"
#include "tests/board/suite/support/redoubt_process.h"
#include "tests/board/suite/support/suite_dir.h"

namespace redoubt::suite {
namespace {

constexpr const char* kUserspace = "redoubt-guest: userspace reached";

using Shape = std::tuple<bool, unsigned, const char*>;
class BootLinux : public testing::TestWithParam<Shape> {};

TEST_P(BootLinux, reaches_userspace_and_powers_off) {
  const auto [is_protected, cpus, memory] = GetParam();
  REDOUBT_NEEDS_KVM(is_protected);
  RedoubtProcess redoubt({run_linux({is_protected, cpus, memory})});

  EXPECT_EQ(redoubt.wait_exit(), 0) << redoubt.output();

  EXPECT_TRUE(redoubt.says(kUserspace)) << redoubt.output();
  EXPECT_TRUE(redoubt.says("cpus " + std::to_string(cpus) + " memory")) << redoubt.output();
  EXPECT_EQ(redoubt.says("pages were donated"), is_protected) << redoubt.output();
}

INSTANTIATE_TEST_SUITE_P(Shapes, BootLinux,
                         testing::Combine(testing::Bool(), testing::Values(1U, 2U, 4U),
                                          testing::Values("64MiB", "1GiB")),
                         [](const auto& shape) {
                           return std::string(std::get<0>(shape.param) ? "protected"
                                                                       : "unprotected") +
                                  "_" + std::to_string(std::get<1>(shape.param)) + "_vcpus_" +
                                  std::get<2>(shape.param);
                         });

class BootEither : public testing::TestWithParam<bool> {};

TEST_P(BootEither, sixty_four_vcpus) {
  REDOUBT_NEEDS_KVM(GetParam());
  RedoubtProcess redoubt({run_flat("smp-flat.bin", GetParam(), {"--set=cpus=64"})});

  EXPECT_EQ(redoubt.wait_exit(), 0) << redoubt.output();

  EXPECT_TRUE(redoubt.says("cpus: 64")) << redoubt.output();
}

TEST_P(BootEither, flat_binary_is_entered_at_its_first_byte) {
  REDOUBT_NEEDS_KVM(GetParam());
  RedoubtProcess redoubt({run_flat("hello-flat.bin", GetParam())});

  EXPECT_EQ(redoubt.wait_exit(), 0) << redoubt.output();

  EXPECT_TRUE(redoubt.says("hello")) << redoubt.output();
}

TEST_P(BootEither, uart_takes_accesses_of_every_width) {
  REDOUBT_NEEDS_KVM(GetParam());
  RedoubtProcess redoubt({run_flat("uart-flat.bin", GetParam())});
  ASSERT_TRUE(redoubt.wait_for("uart: ready")) << redoubt.output();

  redoubt.type("echo me\nq");

  EXPECT_EQ(redoubt.wait_exit(), 0) << redoubt.output();
  EXPECT_TRUE(redoubt.says("echo me")) << redoubt.output();
}

TEST_P(BootEither, accesses_where_no_device_is_read_as_all_ones) {
  REDOUBT_NEEDS_KVM(GetParam());
  RedoubtProcess redoubt({run_flat("mmio-flat.bin", GetParam())});

  EXPECT_EQ(redoubt.wait_exit(), 0) << redoubt.output();

  EXPECT_TRUE(redoubt.says("mmio: ok")) << redoubt.output();
}

INSTANTIATE_TEST_SUITE_P(Protection, BootEither, testing::Bool(), [](const auto& parameter) {
  return std::string(parameter.param ? "protected" : "unprotected");
});

class BootFormat : public testing::TestWithParam<const char*> {};

TEST_P(BootFormat, kernel_boots) {
  REDOUBT_NEEDS_KVM(true);
  const std::filesystem::path kernel = suite_file(std::string("../guest/") + GetParam());
  RedoubtProcess redoubt({run_linux({.more = {"--set=boot.kernel=" + kernel.string()}})});

  EXPECT_EQ(redoubt.wait_exit(), 0) << redoubt.output();

  EXPECT_TRUE(redoubt.says(kUserspace)) << redoubt.output();
}

INSTANTIATE_TEST_SUITE_P(Formats, BootFormat,
                         testing::Values("Image", "Image.gz", "Image.zst", "vmlinuz.efi"),
                         [](const auto& parameter) {
                           std::string name = parameter.param;
                           for (char& letter : name) {
                             if (letter == '.') letter = '_';
                           }
                           return name;
                         });

// The others need disks and tools of the host: see suite virtio.
TEST(BootConfigs, every_example_without_virtio_devices_boots) {
  REDOUBT_NEEDS_KVM(true);
  const std::set<std::string> with_devices = {"debian", "virtio"};
  unsigned count = 0;
  for (const auto& file : std::filesystem::directory_iterator(suite_file("../../configs"))) {
    if (file.path().extension() != ".yaml") continue;
    if (with_devices.contains(file.path().stem())) continue;
    ++count;
    const bool is_linux = file.path().stem() != "bare-metal";
    Launch launch{{"run", file.path().string()}};
    if (is_linux) {
      launch.arguments.push_back("--set=boot.cmdline=console=ttyAMA0 quiet redoubt.mode=off");
    }
    RedoubtProcess redoubt(launch);

    EXPECT_EQ(redoubt.wait_exit(), 0) << file.path() << "\n" << redoubt.output();
    EXPECT_EQ(redoubt.says(kUserspace), is_linux) << file.path() << "\n" << redoubt.output();
  }
  EXPECT_GE(count, 4U);
}

// On a kernel where huge pages are by request there would be none otherwise.
TEST(BootMemory, unprotected_guest_asks_for_huge_pages_by_itself) {
  REDOUBT_NEEDS_KVM(false);
  RedoubtProcess redoubt({run_flat("late-flat.bin", false)});
  ASSERT_TRUE(redoubt.wait_for("late: waiting")) << redoubt.output();
  RedoubtProcess without({run_flat("late-flat.bin", false, {"--set=memory.hugepages=never"})});
  ASSERT_TRUE(without.wait_for("late: waiting")) << without.output();

  EXPECT_NE(guest_ram_of(redoubt.pid()).flags.find(" hg"), std::string::npos);
  EXPECT_EQ(guest_ram_of(without.pid()).flags.find(" hg"), std::string::npos);
}

TEST(BootWindow, guest_makes_its_restricted_dma_pool_of_the_window) {
  REDOUBT_NEEDS_KVM(true);
  RedoubtProcess redoubt({run_linux({.quiet = false, .more = {"--set=memory.dma_window=8MiB"}})});

  EXPECT_EQ(redoubt.wait_exit(), 0) << redoubt.output();

  EXPECT_TRUE(redoubt.says("created restricted DMA pool at 0x0000000048000000, size 8 MiB"))
      << redoubt.output();
}

// Resets that many times, ends it, and looks at what is left on the host.
void expect_clean_resets(const std::vector<std::string>& arguments, unsigned resets) {
  const HostMemory before = host_memory();
  RedoubtProcess redoubt({arguments});
  for (unsigned reset = 1; reset <= resets; ++reset) {
    ASSERT_TRUE(redoubt.wait_for("starting again in a new VM", reset)) << redoubt.output();
  }

  redoubt.signal(SIGTERM);

  EXPECT_EQ(redoubt.wait_exit(), 143) << redoubt.output();
  EXPECT_EQ(host_memory(), before);
}

TEST(BootReset, twenty_resets_are_twenty_new_vms_and_leave_no_page_behind) {
  REDOUBT_NEEDS_KVM(true);
  expect_clean_resets(run_flat("reset-flat.bin", true, {"--set=boot.cmdline=touch=2"}), 20);
}

TEST(BootReset, linux_boots_again_after_each_reset) {
  REDOUBT_NEEDS_KVM(true);
  expect_clean_resets(run_linux({.memory = "64MiB", .mode = "reset"}), 3);
}

}  // namespace
}  // namespace redoubt::suite
