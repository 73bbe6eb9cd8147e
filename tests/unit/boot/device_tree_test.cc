// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/device_tree.h"

#include <string>

#include <gtest/gtest.h>
#include <libfdt.h>

#include "vmm/base/setup_error.h"

namespace redoubt::boot {
namespace {

using namespace std::string_literals;

DeviceTreeInputs inputs() {
  return {.vcpus = 1,
          .ram = GuestRange(GuestAddress(0x4000'0000), 0x1000'0000),
          .dma_window = std::nullopt,
          .gic_distributor = GuestRange(GuestAddress(0x0800'0000), 0x10000),
          .gic_redistributors = GuestRange(GuestAddress(0x080a'0000), 0x20000),
          .command_line = "console=ttyAMA0",
          .stdout_path = "/pl011@9000000",
          .initrd = std::nullopt,
          .kaslr_seed = {std::byte{1}, std::byte{2}},
          .rng_seed = std::nullopt};
}

// The tree, read back with libfdt.
class Tree {
 public:
  explicit Tree(
      const DeviceTreeInputs& from, const DescribeDevices& describe_devices = [](fdt::Node&) {})
      : blob_(build_device_tree(from, describe_devices)) {
    EXPECT_EQ(::fdt_check_full(blob_.data(), blob_.size()), 0);
  }

  [[nodiscard]] bool has(const char* path) const {
    return ::fdt_path_offset(blob_.data(), path) >= 0;
  }

  [[nodiscard]] std::string value(const char* path, const char* name) const {
    int size = 0;
    const int node = ::fdt_path_offset(blob_.data(), path);
    const void* found = ::fdt_getprop(blob_.data(), node, name, &size);
    if (found == nullptr) return "absent";
    return {static_cast<const char*>(found), static_cast<size_t>(size)};
  }

  [[nodiscard]] std::vector<uint32_t> cells(const char* path, const char* name) const {
    const std::string bytes = value(path, name);
    std::vector<uint32_t> cells;
    for (size_t i = 0; i + 4 <= bytes.size(); i += 4) {
      uint32_t cell = 0;
      for (size_t j = 0; j < 4; ++j) cell = cell << 8 | static_cast<unsigned char>(bytes[i + j]);
      cells.push_back(cell);
    }
    return cells;
  }

  [[nodiscard]] std::vector<std::string> children(const char* path) const {
    std::vector<std::string> names;
    int child = 0;
    fdt_for_each_subnode(child, blob_.data(), ::fdt_path_offset(blob_.data(), path)) {
      names.emplace_back(::fdt_get_name(blob_.data(), child, nullptr));
    }
    return names;
  }

 private:
  std::vector<std::byte> blob_;
};

using Cells = std::vector<uint32_t>;

TEST(DeviceTree, root_says_what_it_is) {
  const Tree tree(inputs());

  EXPECT_EQ(tree.value("/", "compatible"), "linux,dummy-virt\0"s);
  EXPECT_EQ(tree.value("/", "model"), "redoubt\0"s);
  EXPECT_EQ(tree.cells("/", "interrupt-parent"), Cells{fdt::kInterruptControllerPhandle});
}

TEST(DeviceTree, chosen_has_command_line_console_and_seed) {
  const Tree tree(inputs());

  EXPECT_EQ(tree.value("/chosen", "bootargs"), "console=ttyAMA0\0"s);
  EXPECT_EQ(tree.value("/chosen", "stdout-path"), "/pl011@9000000\0"s);
  EXPECT_EQ(tree.value("/chosen", "kaslr-seed"), "\x01\x02\0\0\0\0\0\0"s);
  EXPECT_EQ(tree.value("/chosen", "linux,initrd-start"), "absent");
}

TEST(DeviceTree, rng_seed_is_there_only_when_given) {
  DeviceTreeInputs seeded = inputs();
  seeded.rng_seed.emplace().fill(std::byte{7});

  EXPECT_EQ(Tree(seeded).value("/chosen", "rng-seed"), std::string(64, '\7'));
  EXPECT_EQ(Tree(inputs()).value("/chosen", "rng-seed"), "absent");
}

TEST(DeviceTree, initrd_ends_behind_its_last_byte) {
  DeviceTreeInputs with_initrd = inputs();
  with_initrd.initrd = GuestRange(GuestAddress(0x1'4ff0'0000), 0x12345);

  const Tree tree(with_initrd);

  EXPECT_EQ(tree.cells("/chosen", "linux,initrd-start"), (Cells{1, 0x4ff00000}));
  EXPECT_EQ(tree.cells("/chosen", "linux,initrd-end"), (Cells{1, 0x4ff12345}));
}

TEST(DeviceTree, no_console_means_no_stdout_path) {
  DeviceTreeInputs silent = inputs();
  silent.stdout_path.clear();

  EXPECT_EQ(Tree(silent).value("/chosen", "stdout-path"), "absent");
}

TEST(DeviceTree, memory_without_a_window_is_ram) {
  const Tree tree(inputs());

  EXPECT_EQ(tree.value("/memory@40000000", "device_type"), "memory\0"s);
  EXPECT_EQ(tree.cells("/memory@40000000", "reg"), (Cells{0, 0x40000000, 0, 0x10000000}));
  EXPECT_FALSE(tree.has("/reserved-memory"));
}

TEST(DeviceTree, dma_window_is_memory_and_a_restricted_pool) {
  DeviceTreeInputs with_window = inputs();
  with_window.dma_window = GuestRange(GuestAddress(0x1'5000'0000), 0x0100'0000);

  const Tree tree(with_window);

  const char* const pool = "/reserved-memory/pool@150000000";
  EXPECT_EQ(tree.cells("/memory@40000000", "reg"),
            (Cells{0, 0x40000000, 0, 0x10000000, 1, 0x50000000, 0, 0x1000000}));
  EXPECT_EQ(tree.value("/reserved-memory", "ranges"), "");
  EXPECT_EQ(tree.value(pool, "compatible"), "restricted-dma-pool\0"s);
  EXPECT_EQ(tree.cells(pool, "reg"), (Cells{1, 0x50000000, 0, 0x1000000}));
  EXPECT_EQ(tree.cells(pool, "phandle"), Cells{fdt::kDmaWindowPhandle});
  EXPECT_EQ(tree.value(pool, "no-map"), "absent");
}

TEST(DeviceTree, cpus_have_the_affinity_that_kvm_gives) {
  DeviceTreeInputs many = inputs();
  many.vcpus = 64;

  const Tree tree(many);

  EXPECT_EQ(tree.children("/cpus").size(), 64u);
  EXPECT_EQ(tree.cells("/cpus/cpu@0", "reg"), Cells{0});
  EXPECT_EQ(tree.cells("/cpus/cpu@f", "reg"), Cells{15});
  EXPECT_EQ(tree.cells("/cpus/cpu@100", "reg"), Cells{0x100});
  EXPECT_EQ(tree.cells("/cpus/cpu@30f", "reg"), Cells{0x30f});
  EXPECT_EQ(tree.value("/cpus/cpu@30f", "enable-method"), "psci\0"s);
}

TEST(DeviceTree, psci_goes_by_hvc) {
  const Tree tree(inputs());

  EXPECT_EQ(tree.value("/psci", "method"), "hvc\0"s);
  EXPECT_EQ(tree.value("/psci", "compatible"), "arm,psci-1.0\0arm,psci-0.2\0"s);
}

TEST(DeviceTree, gic_and_timer_are_described_as_their_bindings_ask) {
  DeviceTreeInputs many = inputs();
  many.gic_redistributors = GuestRange(GuestAddress(0x080a'0000), 64 * 0x20000);

  const Tree tree(many);

  EXPECT_EQ(tree.value("/intc@8000000", "compatible"), "arm,gic-v3\0"s);
  EXPECT_EQ(tree.cells("/intc@8000000", "reg"),
            (Cells{0, 0x08000000, 0, 0x10000, 0, 0x080a0000, 0, 0x800000}));
  EXPECT_EQ(tree.cells("/intc@8000000", "#interrupt-cells"), Cells{3});
  EXPECT_EQ(tree.cells("/intc@8000000", "phandle"), Cells{fdt::kInterruptControllerPhandle});
  EXPECT_EQ(tree.cells("/timer", "interrupts"), (Cells{1, 13, 8, 1, 14, 8, 1, 11, 8, 1, 10, 8}));
  EXPECT_EQ(tree.value("/timer", "always-on"), "");
}

TEST(DeviceTree, apb_clock_runs_at_24_mhz) {
  const Tree tree(inputs());

  EXPECT_EQ(tree.cells("/apb-pclk", "clock-frequency"), Cells{24'000'000});
  EXPECT_EQ(tree.cells("/apb-pclk", "phandle"), Cells{fdt::kApbClockPhandle});
}

TEST(DeviceTree, devices_describe_themselves_in_the_root) {
  const Tree tree(inputs(), [](fdt::Node& root) {
    fdt::Node uart = root.child("pl011@9000000");
    uart.property_u32("clocks", {fdt::kApbClockPhandle});
  });

  EXPECT_EQ(tree.cells("/pl011@9000000", "clocks"), Cells{fdt::kApbClockPhandle});
}

TEST(DeviceTree, same_inputs_give_the_same_bytes) {
  const DescribeDevices none = [](fdt::Node&) {};

  EXPECT_EQ(build_device_tree(inputs(), none), build_device_tree(inputs(), none));
}

TEST(DeviceTree, command_line_that_linux_would_cut_off_is_refused) {
  DeviceTreeInputs longest = inputs();
  longest.command_line = std::string(2047, 'x');
  DeviceTreeInputs too_long = inputs();
  too_long.command_line = std::string(2048, 'x');

  EXPECT_EQ(Tree(longest).value("/chosen", "bootargs"), std::string(2047, 'x') + '\0');
  EXPECT_THROW(Tree{too_long}, SetupError);
}

TEST(DeviceTree, command_line_with_a_nul_is_refused) {
  DeviceTreeInputs cut = inputs();
  cut.command_line = "quiet\0init=/bin/sh"s;

  EXPECT_THROW(Tree{cut}, SetupError);
}

}  // namespace
}  // namespace redoubt::boot
