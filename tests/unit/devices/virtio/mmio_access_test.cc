// SPDX-License-Identifier: Apache-2.0
//
// What each access of each width reads and does (bug classes 29 and 30), the configuration space,
// interrupts and the device-tree node.
#include <algorithm>
#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libfdt.h>

#include "devices/mmio_bus.h"
#include "tests/unit/devices/virtio/mmio_fixture.h"
#include "vmm/base/setup_error.h"
#include "vmm/fdt/phandles.h"

namespace redoubt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using Register = virtio::MmioRegister;

class MmioAccessTest : public MmioFixture {
 protected:
  static constexpr uint64_t kConfigSize = EchoDevice::kConfig.size();

  // What a read of the configuration space is to give.
  static uint64_t config_value(uint64_t offset, size_t size) {
    uint64_t value = 0;
    for (size_t i = 0; i < size; ++i) {
      const bool inside = offset + size <= kConfigSize;
      const uint64_t byte = inside ? EchoDevice::kConfig.at(offset + i) : 0xff;
      value |= byte << (8 * i);
    }
    return value;
  }
};

TEST_F(MmioAccessTest, identification_is_that_of_a_virtio_device) {
  EXPECT_EQ(get(Register::MagicValue), 0x7472'6976u);
  EXPECT_EQ(get(Register::Version), 2u);
  EXPECT_EQ(get(Register::DeviceID), EchoDevice::kDeviceId);
  EXPECT_NE(get(Register::VendorID), 0u);
  EXPECT_EQ(get(Register::Status), 0u);
  EXPECT_EQ(get(Register::InterruptStatus), 0u);
}

TEST_F(MmioAccessTest, there_is_no_shared_memory) {
  for (const uint32_t id : {0u, 1u, 255u, 0xffff'ffffu}) {
    set(Register::SHMSel, id);
    for (const Register which :
         {Register::SHMLenLow, Register::SHMLenHigh, Register::SHMBaseLow, Register::SHMBaseHigh}) {
      EXPECT_EQ(get(which), 0xffff'ffffu);
    }
  }
}

// Class 30: every offset and width, in every state, as a bus and as a device of its own sees it.
TEST_F(MmioAccessTest, every_access_of_every_width_is_defined) {
  const std::set<uint64_t> readable = {0x00, 0x04, 0x08, 0x0c, 0x10, 0x34, 0x44, 0x60,
                                       0x70, 0xb0, 0xb4, 0xb8, 0xbc, 0xc0, 0xfc};
  for (const uint32_t status : {0u, 3u, 11u, 15u, 143u}) {
    set(Register::Status, 0);
    for (uint64_t offset = 0; offset < virtio::kConfigOffset; ++offset) {
      for (const size_t size : {1u, 2u, 4u, 8u}) {
        set(Register::Status, status);
        const uint64_t value = read_mmio(*transport, offset, size);
        if (size != 4 || !readable.contains(offset)) {
          ASSERT_EQ(value, 0u) << offset << " " << size;
        }
        if (offset == 0x70) continue;  // narrow ones below
        for (const uint64_t written : {~uint64_t{0}, uint64_t{1}, uint64_t{0}}) {
          write_mmio(*transport, offset, written, size);
        }
      }
    }
  }
  EXPECT_FALSE(needs_reset());
}

TEST_F(MmioAccessTest, status_takes_no_part_of_a_write) {
  bring_up();
  for (const size_t size : {1u, 2u, 8u}) {
    for (uint64_t offset = 0x69; offset < 0x78; ++offset) {
      write_mmio(*transport, offset, 0, size);
    }
  }
  for (const uint64_t offset : {0x6du, 0x6eu, 0x6fu, 0x71u, 0x72u, 0x73u}) {
    write_mmio(*transport, offset, 0, 4);
  }
  EXPECT_EQ(get(Register::Status), kUp);
  expect_echo(0);
}

TEST_F(MmioAccessTest, bus_answers_for_what_sticks_out_of_the_slot) {
  MmioBus bus;
  bus.add(kRange, *transport);
  bus.seal();
  std::array<std::byte, 8> data{};
  for (uint64_t offset = 0x1f0; offset < 0x210; ++offset) {
    for (const size_t size : {1u, 2u, 4u, 8u}) {
      const GuestAddress address(kRange.start().value() + offset);
      bus.write(address, std::span<const std::byte>(data).first(size));
      data.fill(std::byte{0});
      bus.read(address, std::span(data).first(size));
      ASSERT_EQ(data[0], std::byte{0xff}) << offset;
    }
  }
}

// --- Configuration space

// Class 29.
TEST_F(MmioAccessTest, configuration_reads_its_bytes_and_all_ones_beyond_them) {
  for (uint64_t offset = 0; offset <= 0x1000; ++offset) {
    for (const size_t size : {1u, 2u, 4u, 8u}) {
      ASSERT_EQ(read_mmio(*transport, 0x100 + offset, size), config_value(offset, size))
          << offset << " " << size;
    }
  }
  for (const uint64_t offset : {~uint64_t{0}, ~uint64_t{0} - 7, uint64_t{1} << 63}) {
    for (const size_t size : {1u, 8u}) {
      EXPECT_EQ(read_mmio(*transport, offset, size) & 0xff, 0xffu) << offset;
    }
  }
}

TEST_F(MmioAccessTest, access_across_the_start_of_the_configuration_is_none_of_it) {
  EXPECT_EQ(read_mmio(*transport, 0xfc, 8), 0u);
  EXPECT_EQ(read_mmio(*transport, 0xfe, 4), 0u);
  write_mmio(*transport, 0xfc, ~uint64_t{0}, 8);
  EXPECT_THAT(device.config_writes, IsEmpty());
}

TEST_F(MmioAccessTest, device_hears_of_configuration_writes_inside_its_bounds_alone) {
  uint64_t expected = 0;
  for (uint64_t offset = 0; offset <= 0x1000; ++offset) {
    for (const size_t size : {1u, 2u, 4u, 8u}) {
      write_mmio(*transport, 0x100 + offset, 0, size);
      if (offset + size <= kConfigSize) ++expected;
    }
  }
  write_mmio(*transport, ~uint64_t{0}, 0, 1);
  EXPECT_EQ(device.config_writes.size(), expected);
  for (const auto& [offset, size] : device.config_writes) ASSERT_LE(offset + size, kConfigSize);
}

TEST_F(MmioAccessTest, new_configuration_is_read_under_a_new_generation) {
  bring_up();
  const uint32_t before = get(Register::ConfigGeneration);
  EXPECT_EQ(get(Register::ConfigGeneration), before);
  std::array<std::byte, kConfigSize> config{};
  config[2] = std::byte{0x77};

  transport->update_config(config);

  EXPECT_NE(get(Register::ConfigGeneration), before);
  EXPECT_EQ(read_mmio(*transport, 0x102, 1), 0x77u);
  EXPECT_EQ(get(Register::InterruptStatus), virtio::kConfigChange);
  EXPECT_TRUE(take_interrupt());
}

TEST_F(MmioAccessTest, new_configuration_before_driver_ok_comes_without_an_interrupt) {
  ASSERT_TRUE(negotiate());
  transport->update_config(std::array<std::byte, kConfigSize>{});
  EXPECT_EQ(get(Register::InterruptStatus), 0u);
  EXPECT_FALSE(take_interrupt());
}

TEST_F(MmioAccessTest, configuration_survives_a_reset) {
  std::array<std::byte, kConfigSize> config{};
  config[0] = std::byte{9};
  transport->update_config(config);
  set(Register::Status, 0);
  EXPECT_EQ(read_mmio(*transport, 0x100, 1), 9u);
}

TEST_F(MmioAccessTest, configuration_keeps_its_size) {
  transport->update_config(std::vector<std::byte>(64));
  EXPECT_EQ(read_mmio(*transport, 0x100 + kConfigSize, 1), 0xffu);
  transport->update_config({});
  EXPECT_EQ(read_mmio(*transport, 0x100, 1), 0u);
}

TEST_F(MmioAccessTest, configuration_that_does_not_fit_is_an_error_of_set_up) {
  const GuestRange small(kRange.start(), 0x108);
  EXPECT_THROW(
      VirtioMmioTransport(small, kSpi, device, driver.memory(), loop, Protection::Protected),
      SetupError);
}

// --- Interrupts

TEST_F(MmioAccessTest, used_buffer_interrupts_until_it_is_acknowledged) {
  bring_up();
  expect_echo(0);
  EXPECT_TRUE(take_interrupt());
  EXPECT_EQ(get(Register::InterruptStatus), virtio::kUsedBuffer);
  set(Register::InterruptACK, 0);
  set(Register::InterruptACK, virtio::kConfigChange);
  EXPECT_EQ(get(Register::InterruptStatus), virtio::kUsedBuffer);
  set(Register::InterruptACK, 0xffff'ffff);
  EXPECT_EQ(get(Register::InterruptStatus), 0u);
}

TEST_F(MmioAccessTest, interrupt_that_the_driver_does_not_want_is_not_sent) {
  bring_up();
  driver.set_used_event(0, 5);
  expect_echo(0);
  EXPECT_FALSE(take_interrupt());
  EXPECT_EQ(get(Register::InterruptStatus), 0u);
}

TEST_F(MmioAccessTest, reset_clears_the_interrupt_status) {
  bring_up();
  expect_echo(0);
  transport->update_config({});
  set(Register::Status, 0);
  EXPECT_EQ(get(Register::InterruptStatus), 0u);
}

class BackendAccessTest : public MmioFixture {
 protected:
  BackendAccessTest() : MmioFixture(Protection::Protected, QueueService::Backend) {}
};

TEST_F(BackendAccessTest, used_buffer_bit_is_always_there_for_a_backend) {
  EXPECT_EQ(get(Register::InterruptStatus), 0u);
  bring_up();
  EXPECT_EQ(get(Register::InterruptStatus), virtio::kUsedBuffer);
  set(Register::InterruptACK, virtio::kUsedBuffer);
  EXPECT_EQ(get(Register::InterruptStatus), virtio::kUsedBuffer);
  set(Register::Status, 0);
  EXPECT_EQ(get(Register::InterruptStatus), 0u);
}

TEST_F(BackendAccessTest, kicks_are_left_to_the_backend) {
  bring_up();
  uint64_t count = 0;
  const int fd = transport->kick(0).fd().get();
  // The one from the start: requests may be waiting.
  ASSERT_EQ(::read(fd, &count, sizeof(count)), ssize_t{sizeof(count)});
  notify(0);
  EXPECT_EQ(device.notifications, 0);
  EXPECT_EQ(::read(fd, &count, sizeof(count)), ssize_t{sizeof(count)});
}

// --- Device tree

std::string property(const std::vector<std::byte>& blob, const char* name) {
  const int node = ::fdt_path_offset(blob.data(), "/virtio_mmio@a000200");
  int length = 0;
  const void* const value = ::fdt_getprop(blob.data(), node, name, &length);
  if (value == nullptr) return "(none)";
  return {static_cast<const char*>(value), static_cast<size_t>(length)};
}

std::string cells(std::initializer_list<uint32_t> values) {
  std::string text;
  for (const uint32_t value : values) {
    for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift);
  }
  return text;
}

std::vector<std::byte> described(const VirtioMmioTransport& transport) {
  fdt::Writer writer;
  {
    fdt::Node root = writer.root();
    transport.describe(root);
  }
  return writer.finish();
}

TEST_F(MmioAccessTest, node_is_what_linux_looks_for) {
  const std::vector<std::byte> blob = described(*transport);
  EXPECT_EQ(property(blob, "compatible"), std::string("virtio,mmio\0", 12));
  EXPECT_EQ(property(blob, "reg"), cells({0, 0x0a00'0200, 0, 0x200}));
  EXPECT_EQ(property(blob, "interrupts"), cells({0, kSpi, 1}));
  EXPECT_EQ(property(blob, "dma-coherent"), "");
  EXPECT_EQ(property(blob, "memory-region"), cells({fdt::kDmaWindowPhandle}));
}

class UnprotectedAccessTest : public MmioFixture {
 protected:
  UnprotectedAccessTest() : MmioFixture(Protection::Unprotected) {}
};

TEST_F(UnprotectedAccessTest, node_without_a_window_names_no_memory) {
  const std::vector<std::byte> blob = described(*transport);
  EXPECT_EQ(property(blob, "memory-region"), "(none)");
  EXPECT_EQ(property(blob, "dma-coherent"), "");
}

}  // namespace
}  // namespace redoubt
